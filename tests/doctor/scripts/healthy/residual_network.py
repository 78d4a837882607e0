import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
imgs = torch.rand(200, 1, 8, 8)
lab = (imgs.mean((1, 2, 3)) > imgs.mean()).long()


class Block(nn.Module):
    def __init__(s, c):
        super().__init__()
        s.c1 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        s.b1 = nn.BatchNorm2d(c)
        s.c2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        s.b2 = nn.BatchNorm2d(c)
        nn.init.zeros_(s.b2.weight)

    def forward(s, x):
        return F.relu(x + s.b2(s.c2(F.relu(s.b1(s.c1(x))))))


class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.stem = nn.Conv2d(1, 8, 3, padding=1)
        s.l = nn.ModuleList([Block(8) for _ in range(2)])
        s.fc = nn.Linear(8, 2)
        nn.init.zeros_(s.fc.weight)

    def forward(s, x):
        x = s.stem(x)
        for b in s.l:
            x = b(x)
        return s.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


net = Net()
opt = torch.optim.SGD(
    net.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4
)
sch = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 4)
for e in range(4):
    net.train()
    for idx in torch.randperm(160).split(20):
        x = imgs[idx]
        if torch.rand(1) < 0.5:
            x = x.flip(3)
        loss = F.cross_entropy(net(x), lab[idx], label_smoothing=0.1)
        opt.zero_grad()
        loss.backward()
        opt.step()
    sch.step()
    net.eval()
    with torch.inference_mode():
        print((net(imgs[160:]).max(1)[1] == lab[160:]).float().mean())
