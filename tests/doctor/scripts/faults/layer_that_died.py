import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 8)
y = (X[:, 0] > 0).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 32), nn.Linear(32, 2)

    def forward(self, x):
        x = torch.relu(self.fc1(x))  # T4
        return self.fc2(x)


net = Net()
nn.init.constant_(net.fc1.bias, -20.0)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for i in torch.randperm(300).split(25):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(X[i]), y[i])
        loss.backward()
        optimizer.step()
