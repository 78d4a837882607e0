import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
A = (torch.rand(60, 60) > 0.9).float()
A = ((A + A.T + torch.eye(60)) > 0).float()
A = A / A.sum(1, keepdim=True)
lab = torch.randint(0, 3, (60,))
feat = torch.randn(60, 6) + F.one_hot(lab, 6) * 2.0
mask = torch.zeros(60, dtype=torch.bool)
mask[torch.randperm(60)[:30]] = True


class GCN(nn.Module):
    def __init__(s):
        super().__init__()
        s.a = nn.Linear(6, 16)
        s.b = nn.Linear(16, 3)

    def forward(s, x):
        return F.log_softmax(s.b(A @ F.dropout(F.relu(s.a(A @ x)), 0.5, s.training)), 1)


m = GCN()
o = torch.optim.Adam(m.parameters(), 0.01, weight_decay=5e-4)
for e in range(30):
    m.train()
    o.zero_grad()
    F.nll_loss(m(feat)[mask], lab[mask]).backward()
    o.step()
m.eval()
pred = m(feat).argmax(1)
acc = int((pred[~mask] == lab[~mask]).sum()) / int((~mask).sum())
print(acc)
