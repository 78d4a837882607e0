"""Digits read row by row, with attention over the rows."""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 12


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, states):
        weights = self.score(states).softmax(dim=1)
        return (weights * states).sum(dim=1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 48)
        self.convolve = nn.Conv1d(48, 48, 5, padding=2)
        self.attention = Attention(48)
        self.head = nn.Linear(48, 10)

    def forward(self, rows):
        states = nn.functional.gelu(self.embed(rows))
        states = states.permute(0, 2, 1)
        states = nn.functional.gelu(self.convolve(states))
        states = states.permute(0, 2, 1)
        return self.head(self.attention(states))


criterion = nn.CrossEntropyLoss()


def make_optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=1e-2)


def make_data(seed=0):
    pictures, labels = load_digits(return_X_y=True)
    pictures = torch.tensor(pictures, dtype=torch.float32).view(-1, 8, 8) / 16
    pictures = pictures + torch.arange(8).view(8, 1) / 8  # the place of each row
    labels = torch.tensor(labels)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    pictures, labels = pictures[order], labels[order]
    return (
        TensorDataset(pictures[:1000], labels[:1000]),
        TensorDataset(pictures[1000:1300], labels[1000:1300]),
        TensorDataset(pictures[1300:], labels[1300:]),
    )


def evaluate(model, data):
    correct = 0
    model.eval()
    with torch.no_grad():
        for rows, labels in DataLoader(data, batch_size=100):
            correct += (model(rows).argmax(dim=1) == labels).sum().item()
    return correct / len(data)


def train_epoch(model, loader, optimizer):
    total = 0.0
    model.train()
    for rows, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(rows), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def main(seed=0):
    torch.manual_seed(seed)
    train, val, test = make_data(seed)
    model = Net()
    optimizer = make_optimizer(model)
    loader = DataLoader(train, batch_size=50, shuffle=True)
    best, curve = 0.0, []
    for _ in range(EPOCHS):
        curve.append(train_epoch(model, loader, optimizer))
        best = max(best, evaluate(model, val))
    print(f"validation {best:.3f}, test {evaluate(model, test):.3f}")
    return model, best, curve


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
