import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3))
opt = torch.optim.Adam(model.parameters(), 0.01)
for epoch in range(30):
    model.train()
    loss = nn.functional.cross_entropy(model(X[:250]), y[:250])
    opt.zero_grad()
    loss.backward()
    opt.step()
model.eval()
for m in model.modules():
    if isinstance(m, nn.Dropout):
        m.train()
with torch.no_grad():
    probs = torch.stack([model(X[250:]).softmax(1) for _ in range(20)])
mean, std = probs.mean(0), probs.std(0)
print((mean.argmax(1) == y[250:]).float().mean(), std.mean())
