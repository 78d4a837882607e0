import torch, torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(600, 8)
y = (X[:, :2].sum(1) > 0).long()
train_loader = DataLoader(TensorDataset(X[:500], y[:500]), batch_size=50, shuffle=True)
test_loader = DataLoader(TensorDataset(X[500:], y[500:]), batch_size=50)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.9)


def test(model, test_loader):
    model.eval()
    n = 0
    with torch.no_grad():
        for x, t in test_loader:
            n += (model(x).argmax(1) == t).sum().item()
    return n / len(test_loader.dataset)


for epoch in range(10):
    model.train()
    for x, t in train_loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), t)
        loss.backward()
        opt.step()
    sched.step()
    print(epoch, test(model, train_loader), test(model, test_loader))
