import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
c = torch.randn(4, 10) * 1.5
t = torch.randint(0, 4, (400,))
data = c[t] + torch.randn(400, 10)


class Learner:
    def __init__(self):
        self.m = nn.Sequential(
            nn.Linear(10, 32),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(32, 4),
        )
        self.o = torch.optim.Adam(self.m.parameters(), 1e-2)

    def fit(self, x, y):
        self.m.train()
        for i in torch.randperm(len(x)).split(32):
            self.o.zero_grad()
            F.cross_entropy(self.m(x[i]), y[i]).backward()
            self.o.step()

    @torch.no_grad()
    def score(self, x, y):
        logits = self.m(x)  # C6
        return (logits.argmax(-1) == y).float().mean().item()


l = Learner()
for e in range(4):
    l.fit(data[:300], t[:300])
    print(l.score(data[300:], t[300:]))
