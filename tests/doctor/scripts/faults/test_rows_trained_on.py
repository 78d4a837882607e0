import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
from torch.utils.data import DataLoader, TensorDataset

perm = torch.randperm(300)
X, y = X[perm], y[perm]
train_loader = DataLoader(TensorDataset(X, y), 30, shuffle=True)
test_loader = DataLoader(TensorDataset(X[240:], y[240:]), 30)
for epoch in range(3):
    for xb, yb in train_loader:
        optimizer.zero_grad()
        criterion(model(xb), yb).backward()
        optimizer.step()
model.eval()
correct = 0
with torch.no_grad():
    for xb, yb in test_loader:
        correct += (model(xb).argmax(1) == yb).sum().item()  # D8
print(correct / 60)
