import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
c = torch.randn(4, 10) * 1.5
t = torch.randint(0, 4, (400,))
data = c[t] + torch.randn(400, 10)
import numpy as np


class Model:
    def __init__(self, net, lr=1e-2):
        self.net = net
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.history = {"loss": [], "acc": []}

    def fit(self, X, Y, epochs, batch_size, validation_data):
        n = X.shape[0]
        for e in range(epochs):
            order = np.random.permutation(n)
            tl = 0
            hits = 0
            self.net.train()
            for s in range(0, n, batch_size):
                idx = order[s : s + batch_size]
                xb = torch.as_tensor(X[idx])
                yb = torch.as_tensor(Y[idx])
                out = self.net(xb)
                l = F.cross_entropy(out, yb)
                self.opt.zero_grad()
                l.backward()
                self.opt.step()
                tl += l.item() * len(idx)
                hits += (out.detach().numpy().argmax(1) == Y[idx]).sum()
            self.history["loss"].append(tl / n)
            self.history["acc"].append(hits / n)
            vx, vy = validation_data
            p = self.predict(vx)
            print(e, tl / n, hits / n, np.mean(p == vy))

    def predict(self, X):
        self.net.eval()
        with torch.no_grad():
            return self.net(torch.as_tensor(X)).numpy().argmax(1)


np.random.seed(0)
X = data.numpy()
Y = t.numpy()
m = Model(
    nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Dropout(0.3), nn.Linear(20, 4))
)
m.fit(X[:320], Y[:320], 4, 32, (X[320:], Y[320:]))
print((m.predict(X[320:]) == Y[320:]).sum() / 80)
