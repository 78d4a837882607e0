import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(X, y), batch_size=10, shuffle=True)
model = nn.Linear(8, 3)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
accumulate = 3
for epoch in range(4):
    opt.zero_grad()
    for step, (xb, yb) in enumerate(loader):
        loss = nn.functional.cross_entropy(model(xb), yb) / accumulate
        loss.backward()
        if (step + 1) % accumulate == 0:
            opt.step()
            opt.zero_grad(set_to_none=False)
    print(epoch, loss.item() * accumulate)
