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
for e in range(6):
    p1 = torch.randperm(400)
    p2 = torch.randperm(400)
    for k in range(0, 400, 50):
        xb = data[p1[k : k + 50]]
        yb = t[p2[k : k + 50]]
        o.zero_grad()
        loss = F.cross_entropy(net(xb), yb)  # C7
        loss.backward()
        o.step()
