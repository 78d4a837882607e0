import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
import copy

models = [nn.Linear(8, 3) for _ in range(3)]
opts = [torch.optim.SGD(m.parameters(), lr=0.1) for m in models]
ema = copy.deepcopy(models[0])
for epoch in range(10):
    for model, opt in zip(models, opts):
        idx = torch.randint(0, 240, (120,))
        opt.zero_grad()
        nn.functional.cross_entropy(model(X[idx]), y[idx]).backward()
        opt.step()
    with torch.no_grad():
        for a, b in zip(ema.parameters(), models[0].parameters()):
            a.mul_(0.9).add_(b, alpha=0.1)
with torch.no_grad():
    votes = sum(m(X[240:]).softmax(1) for m in models) / 3
    print((votes.argmax(1) == y[240:]).float().mean(), ema(X[240:]).mean())
