import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, accuracy_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(0)
X, y = make_classification(
    n_samples=2000, n_features=12, n_informative=8, weights=[0.9, 0.1], random_state=3
)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=0.2, stratify=y, random_state=3
)
train_ds = TensorDataset(torch.Tensor(X_train), torch.LongTensor(y_train))
val_ds = TensorDataset(torch.Tensor(X_val), torch.LongTensor(y_val))

counts = torch.bincount(torch.LongTensor(y_train))
weights = (1.0 / counts.float())[torch.LongTensor(y_train)]
sampler = WeightedRandomSampler(weights, num_samples=len(weights), replacement=True)
train_loader = DataLoader(train_ds, batch_size=64, sampler=sampler)
val_loader = DataLoader(train_ds, batch_size=256)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(12, 48),
            nn.BatchNorm1d(48),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(48, 2),
        )

    def forward(self, x):
        return self.layers(x)


def train_step(model, loader, optimizer, criterion):
    model.train()
    losses = 0.0
    for x, t in loader:
        optimizer.zero_grad()
        out = model(x)
        loss = criterion(out, t)
        loss.backward()
        optimizer.step()
        losses += loss.item()
    return losses / len(loader)


def valid_step(model, loader, criterion):
    model.eval()
    y_true, y_pred, losses = [], [], 0.0
    with torch.no_grad():
        for x, t in loader:
            out = model(x)  # D8
            losses += criterion(out, t).item()
            y_pred += out.softmax(1).argmax(1).tolist()
            y_true += t.tolist()
    return (
        losses / len(loader),
        accuracy_score(y_true, y_pred),
        f1_score(y_true, y_pred),
    )


model = MLP()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=2e-3)
best_f1, best_state = 0.0, None
for epoch in range(6):
    tl = train_step(model, train_loader, optimizer, criterion)
    vl, acc, f1 = valid_step(model, val_loader, criterion)
    if f1 > best_f1:
        best_f1 = f1
        best_state = {k: v.clone() for k, v in model.state_dict().items()}
    print(f"Epoch {epoch}: train {tl:.3f} val {vl:.3f} acc {acc:.3f} f1 {f1:.3f}")
model.load_state_dict(best_state)
print("best f1", best_f1)
