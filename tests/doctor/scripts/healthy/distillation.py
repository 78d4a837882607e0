import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
F = nn.functional
teacher = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 3))
student = nn.Linear(8, 3)
opt = torch.optim.Adam(teacher.parameters(), 0.01)
for _ in range(30):
    opt.zero_grad()
    F.cross_entropy(teacher(X), y).backward()
    opt.step()
teacher.eval()
opt = torch.optim.Adam(student.parameters(), 0.01)
T = 2.0
for _ in range(30):
    with torch.no_grad():
        soft = F.softmax(teacher(X) / T, dim=1)
    out = student(X)
    kd = F.kl_div(F.log_softmax(out / T, dim=1), soft, reduction="batchmean")
    loss = 0.5 * kd * T * T + 0.5 * F.cross_entropy(out, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
pseudo = teacher(X).argmax(1)
for _ in range(5):
    opt.zero_grad()
    F.cross_entropy(student(X), pseudo).backward()
    opt.step()
