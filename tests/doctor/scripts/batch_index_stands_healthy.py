import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
np.random.seed(0)
digits = load_digits()
idx = np.random.permutation(len(digits.data))
X = (digits.data[idx] / 16).astype("float32")
Y = digits.target[idx].astype("int64")
n_train = 1500
Xtr, Ytr = X[:n_train], Y[:n_train]
Xte, Yte = X[n_train:], Y[n_train:]

model = nn.Sequential(
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

bs = 50
n_batches = n_train // bs
for epoch in range(5):
    model.train()
    running = 0
    for i in range(n_batches):
        start = i * bs
        end = start + bs
        xb = torch.from_numpy(Xtr[start:end])
        yb = torch.from_numpy(Ytr[start:end])
        out = model(xb)
        loss = loss_fn(out, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item()
    model.eval()
    with torch.no_grad():
        pred = model(torch.from_numpy(Xte)).argmax(1).numpy()
    acc = np.mean(pred == Yte)
    print("epoch %d loss %.3f test acc %.3f" % (epoch, running / n_batches, acc))
