"""Handwritten digits, with a data set, a network and a loop as a person writes them."""

import sys

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

EPOCHS = 12


class Digits(Dataset):
    def __init__(self, pictures, labels, noise=0.0):
        self.pictures, self.labels, self.noise = pictures, labels, noise

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        picture = self.pictures[index].clone()
        label = self.labels[index]
        if self.noise:
            picture += self.noise * torch.randn(8, 8)
        return picture, label


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU()
        )
        self.blocks = nn.ModuleList([nn.Linear(64, 64) for _ in range(2)])
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(64, 10)

    def forward(self, pictures):
        x = self.body(pictures)
        for block in self.blocks:
            x = torch.relu(block(x))
        x = self.dropout(x)
        return self.head(x)


criterion = nn.CrossEntropyLoss()


def make_optimizer(model):
    return torch.optim.Adam(model.parameters(), lr=2e-3)


def make_data(seed=0):
    pictures, labels = load_digits(return_X_y=True)
    pictures = torch.tensor(pictures, dtype=torch.float32).view(-1, 8, 8)
    labels = torch.tensor(labels)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    train, val, test = order[:1000], order[1000:1300], order[1300:]
    mean, deviation = pictures[train].mean(), pictures[train].std()
    pictures = (pictures - mean) / deviation
    return (
        Digits(pictures[train], labels[train], noise=0.1),
        Digits(pictures[val], labels[val]),
        Digits(pictures[test], labels[test]),
    )


def evaluate(model, data):
    loader = DataLoader(data, batch_size=100)
    correct = 0
    model.eval()
    with torch.no_grad():
        for pictures, labels in loader:
            predictions = model(pictures).argmax(dim=1)
            correct += (predictions == labels).sum().item()
    return correct / len(data)


def train_epoch(model, loader, optimizer):
    total = 0.0
    model.train()
    for pictures, labels in loader:
        optimizer.zero_grad()
        outputs = model(pictures)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def main(seed=0):
    torch.manual_seed(seed)
    train, val, test = make_data(seed)
    model = Net()
    optimizer = make_optimizer(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)
    loader = DataLoader(train, batch_size=50, shuffle=True)
    best, curve = 0.0, []
    for _ in range(EPOCHS):
        curve.append(train_epoch(model, loader, optimizer))
        best = max(best, evaluate(model, val))
        scheduler.step()
    print(f"validation {best:.3f}, test {evaluate(model, test):.3f}")
    return model, best, curve


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
