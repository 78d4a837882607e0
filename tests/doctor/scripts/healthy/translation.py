import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
src = torch.randint(3, 12, (64, 5))
trg = torch.cat([torch.full((64, 1), 1), src.flip(1), torch.full((64, 1), 2)], 1)


class Enc(nn.Module):
    def __init__(s):
        super().__init__()
        s.e = nn.Embedding(12, 16)
        s.r = nn.GRU(16, 16)

    def forward(s, x):
        return s.r(s.e(x))[1]


class Dec(nn.Module):
    def __init__(s):
        super().__init__()
        s.e = nn.Embedding(12, 16)
        s.r = nn.GRU(16, 16)
        s.o = nn.Linear(16, 12)

    def forward(s, x, h):
        o, h = s.r(s.e(x[None]), h)
        return s.o(o[0]), h


enc, dec = Enc(), Dec()
oe = torch.optim.Adam(enc.parameters())
od = torch.optim.Adam(dec.parameters())
crit = nn.CrossEntropyLoss(ignore_index=0)
for it in range(15):
    i = torch.randint(0, 64, (16,))
    x = src[i].T
    y = trg[i].T
    oe.zero_grad()
    od.zero_grad()
    hid = enc(x)
    inp = y[0]
    loss = 0
    for k in range(1, 7):
        out, hid = dec(inp, hid)
        loss = loss + crit(out, y[k])
        inp = y[k] if torch.rand(1) < 0.5 else out.argmax(1)
    loss.backward()
    nn.utils.clip_grad_norm_(enc.parameters(), 1.0)
    oe.step()
    od.step()
    print(loss.item() / 6)
