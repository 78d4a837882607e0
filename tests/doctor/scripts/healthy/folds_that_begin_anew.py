import torch
from torch import nn
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold
from torch.utils.data import DataLoader, TensorDataset, SubsetRandomSampler

torch.manual_seed(0)
X, y = load_iris(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0)).float()
y = torch.tensor(y)
dataset = TensorDataset(X, y)


def reset_weights(m):
    for layer in m.children():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()


network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
loss_function = nn.CrossEntropyLoss()
kfold = KFold(n_splits=5, shuffle=True)
for fold, (train_ids, test_ids) in enumerate(kfold.split(dataset)):
    trainloader = DataLoader(
        dataset, batch_size=10, sampler=SubsetRandomSampler(train_ids)
    )
    testloader = DataLoader(
        dataset, batch_size=10, sampler=SubsetRandomSampler(test_ids)
    )
    reset_weights(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for epoch in range(2):
        for inputs, targets in trainloader:
            optimizer.zero_grad()
            loss = loss_function(network(inputs), targets)
            loss.backward()
            optimizer.step()
    correct, total = 0, 0
    with torch.no_grad():
        for inputs, targets in testloader:
            predicted = network(inputs).argmax(1)
            total += targets.size(0)
            correct += (predicted == targets).sum().item()
    print(fold, 100.0 * correct / total)
