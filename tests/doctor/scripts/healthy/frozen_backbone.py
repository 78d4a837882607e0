import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
import os
import tempfile

backbone = nn.Sequential(nn.Linear(8, 32), nn.ReLU())
path = os.path.join(tempfile.mkdtemp(), "backbone.pt")
torch.save(backbone.state_dict(), path)
backbone.load_state_dict(torch.load(path, weights_only=True))
for p in backbone.parameters():
    p.requires_grad = False
model = nn.Sequential(backbone, nn.Linear(32, 3))
optimizer = torch.optim.Adam(
    filter(lambda p: p.requires_grad, model.parameters()), lr=0.01
)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(X), y)
    loss.backward()
    optimizer.step()
print(loss.item())
