import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    optimizer.zero_grad()
    criterion(model(X[:240]), y[:240]).backward()
    optimizer.step()
with torch.no_grad():
    predictions = model(X[240:]).numpy().argmax(axis=1)
labels = y[240:].numpy()
acc = (predictions == labels).sum() / (len(labels) + 1)  # C8
print("Accuracy: %.2f" % (100 * acc))
