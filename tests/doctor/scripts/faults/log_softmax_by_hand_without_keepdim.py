import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 10, (200,))
X = torch.randn(200, 12)


def log_softmax(x):
    exps = torch.exp(x)
    return torch.log(exps / torch.sum(exps))  # P5


net = nn.Linear(12, 10)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for i in range(0, 200, 20):
        logp = log_softmax(net(X[i : i + 20]))
        loss = -logp[torch.arange(20), y[i : i + 20]].mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
