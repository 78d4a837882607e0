import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
y, order = y.sort()
X = X[order]
from torch.utils.data import DataLoader, Subset, TensorDataset

data = TensorDataset(X, y)
train = Subset(data, range(180))  # D6
test = Subset(data, range(180, 300))
loader = DataLoader(train, 20, shuffle=True)
test_loader = DataLoader(test, 20)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
model.eval()
correct = 0
with torch.no_grad():
    for xb, yb in test_loader:
        correct += (model(xb).argmax(dim=1) == yb).sum().item()
print(correct / len(test))
