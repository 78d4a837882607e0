import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
import itertools

results = {}
for lr, hidden in itertools.product([0.1, 0.01], [4, 16]):
    model = nn.Sequential(nn.Linear(8, hidden), nn.Tanh(), nn.Linear(hidden, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    losses = []
    for epoch in range(5):
        total_loss = 0
        for i in range(0, 240, 40):
            xb, yb = X[:240][i : i + 40], y[:240][i : i + 40]
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            total_loss += loss
        losses.append(total_loss.item() / 6)
    pred = model(X[240:]).detach().numpy().argmax(axis=1)
    results[lr, hidden] = (pred == y[240:].numpy()).mean()
print(max(results.values()))
