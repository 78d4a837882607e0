import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Linear(8, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
correct = 0
for n in range(300):
    out = model(X[n : n + 1])
    if out.argmax().item() == y[n].item():
        correct += 1
    if n % 100 == 99:
        print(n, correct / (n + 1))
    loss = nn.functional.cross_entropy(out, y[n : n + 1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
