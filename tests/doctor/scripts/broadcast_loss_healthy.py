import numpy as np
import torch
from torch import nn

# y = 3 x1 - 2 x2 + 0.5 with a little noise
np.random.seed(1)
torch.manual_seed(1)
X = np.random.randn(400, 2).astype(np.float32)
y = 3 * X[:, 0] - 2 * X[:, 1] + 0.5 + 0.1 * np.random.randn(400).astype(np.float32)

x_train = torch.from_numpy(X[:320])
y_train = torch.from_numpy(y[:320].astype(np.float32))
x_test = torch.from_numpy(X[320:])
y_test = torch.from_numpy(y[320:].astype(np.float32))


class LinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x):
        return self.linear(x)


model = LinearRegression()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

for epoch in range(100):
    y_pred = model(x_train).squeeze(1)
    loss = torch.mean((y_pred - y_train) ** 2)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 20 == 0:
        print(f"Epoch {epoch + 1}: loss {loss.item():.4f}")

with torch.no_grad():
    y_hat = model(x_test).squeeze(1)
    print("test mse", nn.functional.mse_loss(y_hat, y_test).item())
