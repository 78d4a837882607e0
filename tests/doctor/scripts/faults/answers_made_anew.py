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
for i in torch.randperm(400).split(40):
    o.zero_grad()
    p = torch.tensor(net(data[i]).detach().numpy(), requires_grad=True)  # C3
    F.cross_entropy(p, t[i]).backward()
    o.step()
