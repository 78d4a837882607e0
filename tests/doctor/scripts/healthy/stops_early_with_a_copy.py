import copy
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(
    X_train, y_train, test_size=0.2, random_state=0
)
sx = StandardScaler().fit(X_train)
sy = StandardScaler().fit(y_train.reshape(-1, 1))


def prep(a, b):
    return (
        torch.tensor(sx.transform(a), dtype=torch.float32),
        torch.tensor(sy.transform(b.reshape(-1, 1)), dtype=torch.float32),
    )


X_train, y_train = prep(X_train, y_train)
X_val, y_val = prep(X_val, y_val)
X_test, y_test = prep(X_test, y_test)


class EarlyStopping:
    def __init__(self, patience=8, min_delta=0.0):
        self.patience, self.min_delta = patience, min_delta
        self.counter, self.best_loss, self.early_stop = 0, float("inf"), False

    def __call__(self, val_loss):
        if val_loss < self.best_loss - self.min_delta:
            self.best_loss, self.counter = val_loss, 0
            return True
        self.counter += 1
        self.early_stop = self.counter >= self.patience
        return False


model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
mse = nn.MSELoss()
stopper = EarlyStopping()
best_weights = copy.deepcopy(model.state_dict())
for epoch in range(200):
    model.train()
    perm = torch.randperm(len(X_train))
    for i in range(0, len(perm), 32):
        b = perm[i : i + 32]
        opt.zero_grad()
        loss = mse(model(X_train[b]), y_train[b])
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        val_loss = mse(model(X_val), y_val).item()
    if stopper(val_loss):
        best_weights = copy.deepcopy(model.state_dict())
    if stopper.early_stop:
        print("Early stopping at epoch", epoch)
        break

model.load_state_dict(best_weights)
model.eval()
with torch.no_grad():
    print("test mse", mse(model(X_test), y_test).item())
