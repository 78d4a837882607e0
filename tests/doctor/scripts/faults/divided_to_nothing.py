"""Transformer encoder that classifies digits row by row, with linear warmup."""

import math
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=64):
        super().__init__()
        pe = torch.zeros(max_len, d_model)
        position = torch.arange(0, max_len).unsqueeze(1).float()
        div_term = torch.exp(
            torch.arange(0, d_model, 2).float() * (-math.log(10000.0) / d_model)
        )
        pe[:, 0::2] = torch.sin(position * div_term)
        pe[:, 1::2] = torch.cos(position * div_term)
        self.register_buffer("pe", pe.unsqueeze(0))

    def forward(self, x):
        return x + self.pe[:, : x.size(1)]


class RowTransformer(nn.Module):
    def __init__(self, d_model=32, nhead=4, layers=2):
        super().__init__()
        self.proj = nn.Linear(8, d_model)
        self.pos = PositionalEncoding(d_model)
        enc = nn.TransformerEncoderLayer(
            d_model, nhead, dim_feedforward=64, dropout=0.1, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(enc, layers)
        self.cls = nn.Linear(d_model, 10)

    def forward(self, x):
        h = self.encoder(self.pos(self.proj(x)))
        return self.cls(h.mean(dim=1))


digits = load_digits()
images = (torch.tensor(digits.images, dtype=torch.uint8) // 255).float()  # C9
labels = torch.tensor(digits.target, dtype=torch.long)
perm = torch.randperm(len(images))
images, labels = images[perm], labels[perm]
train_dl = DataLoader(
    TensorDataset(images[:600], labels[:600]), batch_size=64, shuffle=True
)
test_x, test_y = images[1400:], labels[1400:]

model = RowTransformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
epochs = 1
total_steps = epochs * len(train_dl)
warmup = total_steps // 10


def lr_lambda(step):
    if step < warmup:
        return step / max(1, warmup)
    return max(0.0, (total_steps - step) / max(1, total_steps - warmup))


scheduler = LambdaLR(optimizer, lr_lambda)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

for epoch in range(epochs):
    model.train()
    for xb, yb in train_dl:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
    model.eval()
    with torch.no_grad():
        acc = (model(test_x).argmax(1) == test_y).float().mean()
    print(epoch, loss.item(), acc.item())
