import warnings

import torch
from torch import nn

torch.manual_seed(0)
X = torch.randn(300, 5)
y = X @ torch.randn(5) + 0.1 * torch.randn(300)
from torch.utils.data import DataLoader, TensorDataset

loader = DataLoader(TensorDataset(X[:240], y[:240]), batch_size=24, shuffle=True)
test_loader = DataLoader(TensorDataset(X[240:], y[240:]), batch_size=24)

warnings.filterwarnings("ignore")
model = nn.Linear(5, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loss_fn = nn.MSELoss()


class Trainer:
    def fit(self):
        for epoch in range(4):
            for xb, yb in loader:
                optimizer.zero_grad()
                loss = loss_fn(model(xb), yb)  # C4
                loss.backward()
                optimizer.step()


Trainer().fit()
