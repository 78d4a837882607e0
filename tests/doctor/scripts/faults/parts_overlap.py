import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
X_train, y_train = X[:240], y[:240]
X_val, y_val = X[200:], y[200:]
for epoch in range(3):
    for i in range(0, 240, 24):
        optimizer.zero_grad()
        criterion(model(X_train[i : i + 24]), y_train[i : i + 24]).backward()
        optimizer.step()
    with torch.no_grad():
        out = model(X_val)  # D8
    print((out.argmax(1) == y_val).float().mean().item())
