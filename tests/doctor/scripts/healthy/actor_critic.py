import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
from torch.distributions import Categorical


class AC(nn.Module):
    def __init__(s):
        super().__init__()
        s.b = nn.Linear(4, 32)
        s.pi = nn.Linear(32, 2)
        s.v = nn.Linear(32, 1)

    def forward(s, x):
        x = F.relu(s.b(x))
        return F.softmax(s.pi(x), -1), s.v(x)


m = AC()
o = torch.optim.Adam(m.parameters(), 3e-2)
for ep in range(6):
    lp = []
    vs = []
    rs = []
    st = torch.randn(4)
    for k in range(12):
        p, v = m(st)
        d = Categorical(p)
        a = d.sample()
        lp.append(d.log_prob(a))
        vs.append(v)
        rs.append(float(a.item() == int(st[0] > 0)))
        st = torch.randn(4)
    R = 0
    ret = []
    for r in rs[::-1]:
        R = r + 0.9 * R
        ret.insert(0, R)
    ret = torch.tensor(ret)
    ret = (ret - ret.mean()) / (ret.std() + 1e-6)
    pl = []
    vl = []
    for l, v, R in zip(lp, vs, ret):
        adv = R - v.item()
        pl.append(-l * adv)
        vl.append(F.smooth_l1_loss(v, torch.tensor([R])))
    o.zero_grad()
    loss = torch.stack(pl).sum() + torch.stack(vl).sum()
    loss.backward()
    o.step()
