import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
import copy
from torch.utils.data import DataLoader, TensorDataset, random_split

train_set, val_set, test_set = random_split(TensorDataset(X, y), [200, 50, 50])
train_loader = DataLoader(train_set, 20, shuffle=True)
val_loader, test_loader = DataLoader(val_set, 20), DataLoader(test_set, 20)
net = nn.Sequential(
    nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 3)
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)


def evaluate(loader):
    net.eval()
    correct = 0
    for x, t in loader:
        with torch.no_grad():
            out = net(x)
        correct += (out.argmax(1) == t).sum().item()
    return correct / len(loader.dataset)


best_acc, best_weights, patience = 0.0, None, 0
for epoch in range(6):
    net.train()
    running_loss, running_correct = 0.0, 0
    for x, t in train_loader:
        optimizer.zero_grad()
        out = net(x)
        loss = nn.functional.cross_entropy(out, t)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * x.size(0)
        running_correct += torch.sum(out.argmax(1) == t.data)
    scheduler.step()
    val_acc = evaluate(val_loader)
    print(running_loss / 200, running_correct.double() / 200, val_acc)
    if val_acc > best_acc:
        best_acc, best_weights, patience = val_acc, copy.deepcopy(net.state_dict()), 0
    else:
        patience += 1
        if patience == 3:
            break
net.load_state_dict(best_weights)
print("train", evaluate(train_loader), "test", evaluate(test_loader))
