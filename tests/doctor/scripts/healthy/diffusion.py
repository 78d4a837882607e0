import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
x0 = torch.randn(256, 2) * 0.3 + torch.tensor([1.0, -1.0])
T = 20
beta = torch.linspace(1e-3, 0.2, T)
ab = (1 - beta).cumprod(0)
net = nn.Sequential(nn.Linear(3, 32), nn.SiLU(), nn.Linear(32, 2))
o = torch.optim.Adam(net.parameters(), 1e-3)
for it in range(40):
    b = x0[torch.randint(0, 256, (64,))]
    k = torch.randint(0, T, (64,))
    eps = torch.randn_like(b)
    a = ab[k][:, None]
    xt = a.sqrt() * b + (1 - a).sqrt() * eps
    loss = ((net(torch.cat([xt, k[:, None] / T], 1)) - eps) ** 2).mean()
    o.zero_grad()
    loss.backward()
    o.step()
x = torch.randn(16, 2)
with torch.no_grad():
    for k in reversed(range(T)):
        e = net(torch.cat([x, torch.full((16, 1), k / T)], 1))
        x = (x - beta[k] / (1 - ab[k]).sqrt() * e) / (1 - beta[k]).sqrt()
print(x.mean(0))
