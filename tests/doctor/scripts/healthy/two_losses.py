import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(256, 6)
cls = (X[:, 0] > 0).long()
val = (X[:, 1] * 2 + X[:, 2]).unsqueeze(1)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.LayerNorm(32))
        self.a, self.b = nn.Linear(32, 2), nn.Linear(32, 1)

    def forward(self, x):
        h = self.body(x)
        return {"cls": self.a(h), "val": self.b(h)}


net = TwoHeads()
opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
for epoch in range(6):
    for i in range(0, 256, 64):
        out = net(X[i : i + 64])
        l1 = nn.CrossEntropyLoss()(out["cls"], cls[i : i + 64])
        l2 = nn.L1Loss()(out["val"], val[i : i + 64])
        opt.zero_grad()
        l1.backward(retain_graph=True)
        l2.backward()
        opt.step()
    print(l1.item(), l2.item())
