import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(X[:240], y[:240]), batch_size=24, shuffle=True)
test_loader = DataLoader(TensorDataset(X[240:], y[240:]), batch_size=24)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = [nn.Linear(8, 16), nn.Linear(16, 16)]  # P12
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.out(x)


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
for epoch in range(4):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
