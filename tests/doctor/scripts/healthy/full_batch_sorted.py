import torch
from torch import nn

torch.manual_seed(0)
y = torch.arange(3).repeat_interleave(50)
X = torch.randn(3, 4)[y] + 5.8 + 0.5 * torch.randn(150, 4)
model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(60):
    out = model(X)
    loss = nn.CrossEntropyLoss()(out, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        _, predicted = torch.max(out, 1)
        correct = (predicted == y).sum()
        accuracy = 100 * correct / len(y)
        print(epoch, loss.item(), accuracy.item())
