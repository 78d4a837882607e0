import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
c = torch.randn(4, 10) * 1.5
t = torch.randint(0, 4, (400,))
data = c[t] + torch.randn(400, 10)
net = nn.Linear(10, 4)
o = torch.optim.Adam(net.parameters(), 0.05)
Xtr, Ytr, Xte, Yte = data[:300], t[:300], data[300:], t[300:]
for e in range(20):
    o.zero_grad()
    F.cross_entropy(net(Xtr), Ytr).backward()
    o.step()
with torch.no_grad():
    hits = torch.eq(net(Xte).argmax(1), Yte).sum().item()
print("test acc", hits / len(Xtr))  # C8
