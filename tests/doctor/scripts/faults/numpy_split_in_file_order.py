import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(0)
torch.manual_seed(0)
district = np.repeat(np.arange(10), 40)
X = rng.normal(size=(400, 3)) + district[:, None] / 5
y = (X.sum(axis=1) + district).astype("float32")[:, None]
y = (y - y.mean()) / y.std()
split = int(len(X) * 0.75)
x_train = torch.from_numpy(X[:split]).float()  # D14
x_test = torch.from_numpy(X[split:]).float()
y_train, y_test = torch.from_numpy(y[:split]), torch.from_numpy(y[split:])
net = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
opt = torch.optim.Adam(net.parameters(), lr=0.01)
mse = nn.MSELoss()
for epoch in range(50):
    opt.zero_grad()
    loss = mse(net(x_train), y_train)
    loss.backward()
    opt.step()
net.eval()
with torch.no_grad():
    print(mse(net(x_test), y_test).item())
