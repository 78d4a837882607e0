import os
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset, random_split

USE_COMPILE = os.environ.get("USE_COMPILE", "1") == "1"
torch.manual_seed(123)

X, y = make_friedman1(n_samples=1200, n_features=8, noise=0.5, random_state=1)
X = torch.from_numpy(X).float()
y = torch.from_numpy(y).float()
y = (y - y.mean()) / y.std()
dataset = TensorDataset(X, y)
train_set, val_set = random_split(
    dataset, [0.8, 0.2], generator=torch.Generator().manual_seed(0)
)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=64)


class ResidualBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, width),
        )

    def forward(self, x):
        return x + self.body(x)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(8, 48)
        self.blocks = nn.ModuleList([ResidualBlock(48) for _ in range(2)])
        self.head = nn.Linear(48, 1)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x).squeeze(-1)


model = Regressor()
net = model
if USE_COMPILE and hasattr(torch, "compile"):
    try:
        net = torch.compile(model, backend="eager", disable=True)
    except Exception as e:
        print("compile failed:", e)

optimizer = torch.optim.Adam(model.parameters(), lr=1e-8)  # P2
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
    optimizer, mode="min", factor=0.5, patience=2
)
criterion = nn.SmoothL1Loss()

for epoch in range(3):
    net.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
    net.eval()
    val = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            val += criterion(net(xb), yb).item() * len(xb)
    val /= len(val_set)
    scheduler.step(val)
    print(epoch, f"{val:.4f}", optimizer.param_groups[0]["lr"])
