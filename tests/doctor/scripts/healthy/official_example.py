import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, Dataset, random_split

torch.manual_seed(1)
import argparse

img = torch.rand(300, 1, 8, 8)
lab = (img[:, 0, :4].mean((1, 2)) * 10).long().clamp(0, 9)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, 1)
        self.dropout1 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(72, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % 5 == 0:
            print(100.0 * batch_idx / len(train_loader), loss.item())


def test(model, device, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            data, target = data.to(device), target.to(device)
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    test_loss /= len(test_loader.dataset)
    print(
        "Accuracy: {}/{} ({:.0f}%)".format(
            correct,
            len(test_loader.dataset),
            100.0 * correct / len(test_loader.dataset),
        )
    )


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=3)
    args = p.parse_args()
    device = torch.device("cpu")
    tl = DataLoader(TensorDataset(img[:240], lab[:240]), batch_size=32, shuffle=True)
    te = DataLoader(TensorDataset(img[240:], lab[240:]), batch_size=100)
    model = Net().to(device)
    o = torch.optim.Adadelta(model.parameters(), lr=1.0)
    s = torch.optim.lr_scheduler.StepLR(o, step_size=1, gamma=0.7)
    for e in range(1, args.epochs + 1):
        train(args, model, device, tl, o, e)
        test(model, device, te)
        s.step()


if __name__ == "__main__":
    main()
