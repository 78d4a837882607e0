import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)
from torch.utils.data import DataLoader, Subset, TensorDataset

full = TensorDataset(X, y)
order = torch.randperm(300).tolist()
loaders = {
    "train": DataLoader(Subset(full, order[:240]), 30, shuffle=True),
    "test": DataLoader(Subset(full, order[240:]), 30),
}
model = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(4):
    for phase in ["train", "test"]:
        model.train(phase == "train")
        running_loss, running_corrects = 0.0, 0
        for inputs, labels in loaders[phase]:
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(inputs)
                _, preds = torch.max(outputs, 1)
                loss = nn.functional.cross_entropy(outputs, labels)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            running_loss += loss.item() * inputs.size(0)
            running_corrects += torch.sum(preds == labels.data)
        n = len(loaders[phase].dataset)
        print(phase, running_loss / n, (running_corrects.double() / n).item())


def check_accuracy(loader):
    model.eval()
    num_correct = num_samples = 0
    with torch.no_grad():
        for x, t in loader:
            num_correct += (model(x).argmax(1) == t).sum()
            num_samples += t.size(0)
    print(
        f"{num_correct} / {num_samples}: {float(num_correct) / float(num_samples) * 100:.2f}"
    )


check_accuracy(loaders["train"])
check_accuracy(loaders["test"])
for loader in loaders.values():
    check_accuracy(loader)
