import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(X[:240], y[:240]), batch_size=24, shuffle=True)
test_loader = DataLoader(TensorDataset(X[240:], y[240:]), batch_size=24)
import numpy as np

model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(3):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    val_loss = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            val_loss += criterion(model(xb), yb).item()  # C6
    print(epoch, val_loss / len(test_loader))
