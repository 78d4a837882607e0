import torch
from torch import nn

torch.manual_seed(0)
X = torch.linspace(-2, 2, 100).unsqueeze(1)
y = torch.sin(2 * X) + 0.05 * torch.randn_like(X)
net = nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5)
loss_fn = nn.MSELoss()


def closure():
    optimizer.zero_grad()
    loss = loss_fn(net(X), y)
    loss.backward()
    return loss


for i in range(8):
    loss = optimizer.step(closure)
    print(i, loss.item())
