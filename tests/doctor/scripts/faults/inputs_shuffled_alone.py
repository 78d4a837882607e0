import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    X = X[torch.randperm(300)]
    for i in range(0, 300, 30):
        optimizer.zero_grad()
        loss = criterion(model(X[i : i + 30]), y[i : i + 30])  # C7
        loss.backward()
        optimizer.step()
