"""Two tasks, mixed examples, labels of its own, and targets as rows of 0 and 1."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
X = torch.randn(400, 6)
y = (X[:, 0] + X[:, 1] > 0).long() + (X[:, 1] > 1).long()
X_train, y_train, X_test, y_test = X[:300], y[:300], X[300:], y[300:]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Dropout(0.1))
        self.kind = nn.Linear(32, 3)
        self.side = nn.Linear(32, 2)

    def forward(self, x):
        x = self.body(x)
        return self.kind(x), self.side(x)


def score(model):
    model.eval()
    with torch.no_grad():
        right = (model(X_test)[0].argmax(1) == y_test).sum().item()
    model.train()
    return right / len(y_test)


for way in ("tasks", "mixed", "own labels", "one hot"):
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(8):
        for i in torch.randperm(len(X_train)).split(50):
            x, target = X_train[i], y_train[i]
            if way == "tasks":
                kind, side = model(x)
                loss = F.cross_entropy(kind, target) + F.cross_entropy(side, target % 2)
            elif way == "mixed":
                other = torch.randperm(len(x))
                share = 0.8 if epoch % 2 else 1.0
                kind, _ = model(share * x + (1 - share) * x[other])
                loss = share * F.cross_entropy(kind, target)
                loss = loss + (1 - share) * F.cross_entropy(kind, target[other])
            elif way == "own labels":
                model.eval()
                with torch.no_grad():
                    own = model(x)[0].argmax(1)
                model.train()
                first = F.cross_entropy(model(x[:25])[0], target[:25])
                loss = first + 0.1 * F.cross_entropy(model(x[25:])[0], own[25:])
            else:
                loss = F.l1_loss(model(x)[0], F.one_hot(target, 3).float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    print(way, score(model))
