import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
x = torch.randn(120, 6, 3)
y = (x.mean((1, 2)) > 0).long()


class N(nn.Module):
    def __init__(s):
        super().__init__()
        s.g = nn.LSTM(3, 8)
        s.o = nn.Linear(8, 2)

    def forward(s, x):
        return s.o(s.g(x)[0][:, -1])


n = N()
o = torch.optim.Adam(n.parameters(), 0.01)
for e in range(4):
    for i in torch.randperm(120).split(20):
        o.zero_grad()
        F.cross_entropy(n(x[i]), y[i]).backward()  # C5
        o.step()
