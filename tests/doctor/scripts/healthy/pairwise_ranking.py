import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(128, 5)
score = X @ torch.randn(5)
net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for step in range(20):
    idx = torch.randint(0, 128, (32,))
    s = net(X[idx]).squeeze(1)
    t = score[idx]
    ds = s[:, None] - s[None, :]
    dt = t[:, None] - t[None, :]
    loss = nn.functional.softplus(-ds * dt.sign()).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
z = net(X[:32])
d = torch.cdist(z, z)
print(loss.item(), d.mean().item())
