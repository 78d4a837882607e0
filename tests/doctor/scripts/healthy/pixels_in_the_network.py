import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 2, (128,))
X = torch.randint(0, 256, (128, 3, 8, 8)).float()
X[y == 1, 0] = X[y == 1, 0] / 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.fc = nn.Linear(6 * 9, 2)

    def forward(self, x):
        x = x / 127.5 - 1
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.fc(torch.flatten(x, 1))


net = Net()
opt = torch.optim.Adam(net.parameters(), 0.005)
for epoch in range(5):
    for i in torch.randperm(128).split(16):
        opt.zero_grad()
        nn.functional.cross_entropy(net(X[i]), y[i]).backward()
        opt.step()
