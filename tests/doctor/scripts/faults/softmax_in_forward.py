import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(X[:240], y[:240]), batch_size=24, shuffle=True)
test_loader = DataLoader(TensorDataset(X[240:], y[240:]), batch_size=24)
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=-1)  # P5


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = F.cross_entropy
for epoch in range(4):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
