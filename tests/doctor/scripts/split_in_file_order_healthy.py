# Iris flowers
import torch
import torch.nn as nn
from sklearn.datasets import load_iris

torch.manual_seed(42)
iris = load_iris()
X = torch.FloatTensor(iris.data)
y = torch.LongTensor(iris.target)

order = torch.randperm(len(X))
X, y = X[order], y[order]
train_size = int(0.8 * len(X))
X_train, y_train = X[:train_size], y[:train_size]
X_test, y_test = X[train_size:], y[train_size:]


class Model(nn.Module):
    def __init__(self, in_features=4, h1=8, h2=9, out_features=3):
        super().__init__()
        self.fc1 = nn.Linear(in_features, h1)
        self.fc2 = nn.Linear(h1, h2)
        self.out = nn.Linear(h2, out_features)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.out(x)


model = Model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

losses = []
for i in range(100):
    y_pred = model(X_train)
    loss = criterion(y_pred, y_train)
    losses.append(loss.detach().numpy())
    if i % 10 == 0:
        print(f"Epoch: {i} and loss: {loss}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

correct = 0
with torch.no_grad():
    for i, flower in enumerate(X_test):
        y_val = model(flower)
        if y_val.argmax().item() == y_test[i]:
            correct += 1
print(f"We got {correct} correct of {len(y_test)}!")
