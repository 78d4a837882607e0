import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)
y = X @ torch.randn(5) + 0.1 * torch.randn(300)
y = y.unsqueeze(1)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=10.0)  # P1
for epoch in range(60):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(X), y)
    loss.backward()
    optimizer.step()
