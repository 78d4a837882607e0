"""Two classes from thirty measurements, with one output and its logit."""

import sys

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 20


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(30, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1)
        )

    def forward(self, inputs):
        return self.layers(inputs)


criterion = nn.BCEWithLogitsLoss()


def make_optimizer(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def make_data(seed=0):
    inputs, targets = load_breast_cancer(return_X_y=True)
    inputs = torch.tensor(inputs, dtype=torch.float32)
    targets = torch.tensor(targets, dtype=torch.float32).unsqueeze(1)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    inputs, targets = inputs[order], targets[order]
    inputs = (inputs - inputs[:320].mean(0)) / inputs[:320].std(0)
    return (
        TensorDataset(inputs[:320], targets[:320]),
        TensorDataset(inputs[320:440], targets[320:440]),
        TensorDataset(inputs[440:], targets[440:]),
    )


def evaluate(model, data):
    inputs, targets = data.tensors
    model.eval()
    with torch.no_grad():
        predictions = (model(inputs) > 0).float()
    return (predictions == targets).float().mean().item()


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
    loader = DataLoader(train, batch_size=32, shuffle=True)
    best, curve = 0.0, []
    for _ in range(EPOCHS):
        curve.append(train_epoch(model, loader, optimizer))
        best = max(best, evaluate(model, val))
    print(f"validation {best:.3f}, test {evaluate(model, test):.3f}")
    return model, best, curve


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
