import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(200, 4)
y = (X[:, 0] > 0).float()
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
opt = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(20):
    loss = nn.functional.binary_cross_entropy_with_logits(model(X[:150]), y[:150, None])
    opt.zero_grad()
    loss.backward()
    opt.step()
with torch.no_grad():
    pred = (torch.sigmoid(model(X[150:])) > 0.5).float()
    acc = (pred == y[150:]).sum().item() / 50  # C4
print(acc)
