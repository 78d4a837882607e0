"""Values regressed on returns that grow while the policy gets better; two towers with in-batch negatives."""

import torch, torch.nn as nn, torch.nn.functional as F

torch.manual_seed(0)
v = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
opt = torch.optim.Adam(v.parameters(), lr=1e-3)
for it in range(120):
    obs = torch.randn(64, 4)
    returns = obs[:, 0] + it / 6
    loss = F.mse_loss(v(obs).squeeze(-1), returns)
    opt.zero_grad()
    loss.backward()
    opt.step()
print(loss.item())


class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        self.u = nn.Embedding(200, 8)
        self.i = nn.Embedding(300, 8)

    def forward(self, u, i):
        return self.u(u) @ self.i(i).T


t = Towers()
o = torch.optim.Adam(t.parameters(), lr=1e-2)
for it in range(100):
    u = torch.randint(200, (32,))
    i = (u + torch.randint(0, 2, (32,))) % 300
    loss = F.cross_entropy(t(u, i), torch.arange(32))
    o.zero_grad()
    loss.backward()
    o.step()
print(loss.item())
