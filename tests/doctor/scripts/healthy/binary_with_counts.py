import torch
from torch import nn

torch.manual_seed(0)
import torch.nn.functional as F

X = torch.randn(400, 5)
y = (X.sum(1) + 0.3 * torch.randn(400) > 0).float()
Xtr, ytr, Xte, yte = X[:320], y[:320], X[320:], y[320:]
model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid())
opt = torch.optim.RMSprop(model.parameters(), lr=0.01)
for epoch in range(20):
    p = model(Xtr).flatten()
    loss = F.binary_cross_entropy(p, ytr)
    opt.zero_grad()
    loss.backward()
    opt.step()
model.eval()
with torch.no_grad():
    pred = model(Xte).round().squeeze()
tp = ((pred == 1) & (yte == 1)).sum().item()
fp = ((pred == 1) & (yte == 0)).sum().item()
fn = ((pred == 0) & (yte == 1)).sum().item()
precision, recall = tp / (tp + fp), tp / (tp + fn)
class_correct, class_total = [0, 0], [0, 0]
c = pred == yte
for i in range(len(yte)):
    label = int(yte[i])
    class_correct[label] += c[i].item()
    class_total[label] += 1
for k in range(2):
    print(k, 100 * class_correct[k] / class_total[k])
print(precision, recall, 2 * precision * recall / (precision + recall + 1e-8))
