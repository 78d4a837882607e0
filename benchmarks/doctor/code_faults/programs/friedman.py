"""A number from ten measured ones: Friedman's first problem."""

import sys

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 30


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(10, 64)
        self.second = nn.Linear(64, 64)
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        x = torch.relu(self.second(x))
        return self.out(x).squeeze(1)


criterion = nn.MSELoss()


def make_optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=3e-3)


def make_data(seed=0):
    inputs, targets = make_friedman1(n_samples=1000, noise=1.0, random_state=seed)
    inputs = torch.tensor(inputs, dtype=torch.float32)
    targets = torch.tensor(targets, dtype=torch.float32)
    inputs[:, 5] = 1000 * inputs[:, 5]
    inputs = (inputs - inputs[:600].mean(0)) / inputs[:600].std(0)
    targets = (targets - targets[:600].mean()) / targets[:600].std()
    return (
        TensorDataset(inputs[:600], targets[:600]),
        TensorDataset(inputs[600:800], targets[600:800]),
        TensorDataset(inputs[800:], targets[800:]),
    )


def evaluate(model, data):
    inputs, targets = data.tensors
    model.eval()
    with torch.no_grad():
        error = ((model(inputs) - targets) ** 2).mean()
    return 1 - (error / targets.var()).item()


def train_epoch(model, loader, optimizer):
    total = 0.0
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def main(seed=0):
    torch.manual_seed(seed)
    train, val, test = make_data(seed)
    model = Net()
    optimizer = make_optimizer(model)
    loader = DataLoader(train, batch_size=30, shuffle=True)
    best, curve = -1.0, []
    for _ in range(EPOCHS):
        curve.append(train_epoch(model, loader, optimizer))
        best = max(best, evaluate(model, val))
    print(f"validation R2 {best:.3f}, test {evaluate(model, test):.3f}")
    return model, best, curve


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
