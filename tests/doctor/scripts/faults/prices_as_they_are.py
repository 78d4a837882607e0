import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)
y = X @ torch.randn(5) + 0.1 * torch.randn(300)
price = (y * 50_000 + 200_000).unsqueeze(1)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
for epoch in range(6):
    for i in torch.randperm(300).split(30):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X[i]), price[i])  # D4
        loss.backward()
        optimizer.step()
