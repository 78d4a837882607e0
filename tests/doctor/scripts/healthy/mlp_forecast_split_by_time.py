import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(0)
series = np.sin(np.linspace(0, 40, 400)) + np.linspace(0, 2, 400)
series = (series - series[:300].mean()) / series[:300].std()


def create_sequences(data, seq_length):
    xs, ys = [], []
    for i in range(len(data) - seq_length):
        xs.append(data[i : i + seq_length])
        ys.append(data[i + seq_length])
    return np.array(xs), np.array(ys)


X, y = create_sequences(series, 20)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)[:, None]
n_train = 280
trainX, trainY = X[:n_train], y[:n_train]
testX, testY = X[n_train:], y[n_train:]


class Forecaster(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.fc1 = nn.Linear(20, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(15):
    model.train()
    outputs = model(trainX)
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(outputs, trainY)
    loss.backward()
    optimizer.step()
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(model(testX), testY)
        print(epoch, loss.item(), val.item())
