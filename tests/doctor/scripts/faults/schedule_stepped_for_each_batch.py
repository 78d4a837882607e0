"""Digits with a small CNN, written as a Trainer class."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)
np.random.seed(42)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class SmallCNN(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.25)
        self.fc = nn.Linear(32 * 2 * 2, n_classes)

    def forward(self, x):
        x = self.pool(F.relu(self.bn1(self.conv1(x))))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        return self.fc(self.drop(x))


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr=1e-3, epochs=3):
        self.model = model.to(device)
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.epochs = epochs
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=lr, weight_decay=1e-4
        )
        self.scheduler = torch.optim.lr_scheduler.StepLR(
            self.optimizer, step_size=2, gamma=0.5
        )
        self.history = {"train_loss": [], "val_loss": [], "val_acc": []}

    def train_one_epoch(self):
        self.model.train()
        running = 0.0
        for xb, yb in self.train_loader:
            xb, yb = xb.to(device), yb.to(device)
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(xb), yb)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()  # P13
            running += loss.item() * xb.size(0)
        return running / len(self.train_loader.dataset)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        total_loss, correct = 0.0, 0
        for xb, yb in self.val_loader:
            xb, yb = xb.to(device), yb.to(device)
            out = self.model(xb)
            total_loss += self.criterion(out, yb).item() * xb.size(0)
            correct += (out.argmax(1) == yb).sum().item()
        n = len(self.val_loader.dataset)
        return total_loss / n, correct / n

    def fit(self):
        for epoch in range(self.epochs):
            tr = self.train_one_epoch()
            vl, va = self.validate()
            self.history["train_loss"].append(tr)
            self.history["val_loss"].append(vl)
            self.history["val_acc"].append(va)
            print(
                f"epoch {epoch + 1:02d} | train {tr:.4f} | val {vl:.4f} | acc {va:.3f}"
            )


def main():
    digits = load_digits()
    X = digits.images.astype(np.float32)[:, None] / 16.0
    y = digits.target.astype(np.int64)
    X_tr, X_va, y_tr, y_va = train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=0
    )
    train_ds = TensorDataset(torch.from_numpy(X_tr), torch.from_numpy(y_tr))
    val_ds = TensorDataset(torch.from_numpy(X_va), torch.from_numpy(y_va))
    train_loader = DataLoader(train_ds, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_ds, batch_size=128)
    Trainer(SmallCNN(), train_loader, val_loader).fit()


if __name__ == "__main__":
    main()
