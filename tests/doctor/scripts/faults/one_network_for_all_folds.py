import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
kf = StratifiedKFold(n_splits=4, shuffle=True, random_state=0)


def make_model():
    return nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2))


scores = []
model = make_model()  # D8
for fold, (train_idx, val_idx) in enumerate(kf.split(X, y)):
    scaler = StandardScaler()
    X_tr = torch.tensor(scaler.fit_transform(X[train_idx]), dtype=torch.float32)
    X_va = torch.tensor(scaler.transform(X[val_idx]), dtype=torch.float32)
    y_tr, y_va = torch.tensor(y[train_idx]), torch.tensor(y[val_idx])
    w = 1.0 / torch.bincount(y_tr).float()
    criterion = nn.CrossEntropyLoss(weight=w / w.sum())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loader = DataLoader(TensorDataset(X_tr, y_tr), batch_size=32, shuffle=True)
    for epoch in range(2):
        model.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        pred = model(X_va).argmax(1)
        acc = (pred == y_va).float().mean().item()
    scores.append(acc)
    print(f"fold {fold}: {acc:.3f}")
print(f"mean {np.mean(scores):.3f} +- {np.std(scores):.3f}")
