import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
folds = torch.randperm(300).chunk(5)
scores = []
for k in range(5):
    test_idx = folds[k]
    train_idx = torch.cat([folds[j] for j in range(5) if j != k])
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(15):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(X[train_idx]), y[train_idx])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        pred = model(X[test_idx]).argmax(1)
    scores.append((pred == y[test_idx]).float().mean().item())
print(sum(scores) / len(scores))
