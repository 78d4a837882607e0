import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
c = torch.randn(4, 10) * 1.5
t = torch.randint(0, 4, (400,))
data = c[t] + torch.randn(400, 10)
enc = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 8))
o = torch.optim.Adam(enc.parameters(), 1e-3)
for e in range(3):
    for i in torch.randperm(400).split(50):
        a = enc(data[i] + 0.1 * torch.randn(50, 10))
        b = enc(data[i] + 0.1 * torch.randn(50, 10))
        z = F.normalize(torch.cat([a, b]), dim=1)
        s = z @ z.T / 0.5
        s = s.masked_fill(torch.eye(100, dtype=torch.bool), -1e9)
        lab = torch.cat([torch.arange(50) + 50, torch.arange(50)])
        loss = F.cross_entropy(s, lab)
        o.zero_grad()
        loss.backward()
        o.step()
enc.eval()
probe = nn.Linear(8, 4)
op = torch.optim.Adam(probe.parameters(), 0.05)
with torch.no_grad():
    f = enc(data)
for _ in range(40):
    op.zero_grad()
    F.cross_entropy(probe(f[:300]), t[:300]).backward()
    op.step()
print((probe(f[300:]).argmax(-1) == t[300:]).float().mean().item())
