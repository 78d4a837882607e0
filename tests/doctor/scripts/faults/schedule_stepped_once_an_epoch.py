import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_moons
from torch.optim.lr_scheduler import OneCycleLR

torch.manual_seed(5)
X, y = make_moons(n_samples=2000, noise=0.2, random_state=5)
X = torch.tensor(X).float()
y = torch.tensor(y).float().view(-1, 1)
X_train, y_train = X[:1600], y[:1600]
X_test, y_test = X[1600:], y[1600:]

net = nn.Sequential(
    nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)
)
criterion = nn.BCEWithLogitsLoss()
optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

n_epochs, bs = 4, 32
steps_per_epoch = X_train.shape[0] // bs
scheduler = OneCycleLR(
    optimizer, max_lr=0.3, epochs=n_epochs, steps_per_epoch=steps_per_epoch
)

for epoch in range(n_epochs):
    perm = torch.randperm(X_train.shape[0])
    for i in range(steps_per_epoch):
        idx = perm[i * bs : (i + 1) * bs]
        out = net(X_train[idx])
        loss = criterion(out, y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()  # P13
    with torch.no_grad():
        acc = ((net(X_test) > 0).float() == y_test).float().mean()
    print(
        f"epoch {epoch} loss {loss.item():.4f} test acc {acc.item():.4f} lr {scheduler.get_last_lr()[0]:.4f}"
    )
