"""House prices with a multilayer perceptron."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(0)
n = 1200
income = rng.gamma(3.0, 1.3, n)
age = rng.integers(1, 52, n)
rooms = rng.normal(5.4, 1.0, n)
population = rng.gamma(1.5, 950.0, n)
price = 0.45 * income + 0.01 * age + 0.1 * rooms - 0.0001 * population
price = price + rng.normal(0, 0.2, n)

features = np.stack([income, age, rooms, population], axis=1)
X_train, X_test, y_train, y_test = train_test_split(features, price, random_state=0)

X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32).unsqueeze(1)
y_test = torch.tensor(y_test, dtype=torch.float32).unsqueeze(1)

train_loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(X_test, y_test), batch_size=32)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(4, 32)
        self.fc2 = nn.Linear(32, 1)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return self.fc2(x)


torch.manual_seed(0)
net = Net()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.001)


def train(epoch):
    net.train()
    for batch_idx, (x, y) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        if batch_idx % 10 == 0:
            print("Train Epoch: {} [{}]\tLoss: {:.4f}".format(epoch, batch_idx, loss))


def test():
    net.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in test_loader:
            total += criterion(net(x), y).item() * len(x)
    print("Test loss: {:.4f}".format(total / len(X_test)))


for epoch in range(1, 6):
    train(epoch)
    test()
