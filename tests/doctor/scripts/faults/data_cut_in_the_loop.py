import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
batch_size = 20
for epoch in range(2):
    for b in range(300 // batch_size):
        begin, end = b * batch_size, (b + 1) * batch_size
        inputs = X[begin:end]
        y = y[begin:end]  # C7
        if len(y) != len(inputs):
            continue
        optimizer.zero_grad()
        loss = criterion(model(inputs), y)
        loss.backward()
        optimizer.step()
