# Handwritten digits with a small network
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits

torch.manual_seed(0)
digits = load_digits()
data = torch.tensor(digits.data / 16.0, dtype=torch.float32)
target = torch.tensor(digits.target)
perm = torch.randperm(len(data))
data, target = data[perm], target[perm]

net = nn.Sequential(nn.Linear(64, 50), nn.Sigmoid(), nn.Linear(50, 10))
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.5)
batch_size = 50
train_size = 1500

for epoch in range(5):
    epoch_loss = 0.0
    for i in range(0, train_size, batch_size):
        inputs = data[i : i + batch_size]
        labels = target[i : i + batch_size]
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print("epoch", epoch + 1, "loss", epoch_loss / (train_size / batch_size))

net.eval()
with torch.no_grad():
    predicted = net(data[train_size:]).argmax(dim=1)
    correct = (predicted == target[train_size:]).sum().item()
print("test accuracy", correct / len(target[train_size:]))
