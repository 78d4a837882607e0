import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class DigitsDataset(Dataset):
    def __init__(self, images, labels):
        self.images = images
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = torch.tensor(self.images[index] / 16.0, dtype=torch.float32)
        return image, int(self.labels[index])


class Classifier(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.hidden = nn.Linear(64, hidden)
        self.output = nn.Linear(hidden, 10)

    def forward(self, x):
        return F.log_softmax(self.output(F.relu(self.hidden(x))), dim=1)


class Trainer:
    def __init__(self, model, train_loader, test_loader):
        self.model = model
        self.train_loader = train_loader
        self.test_loader = test_loader
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def train_epoch(self):
        self.model.train()
        for data, target in self.train_loader:
            self.optimizer.zero_grad()
            loss = F.nll_loss(self.model(data), target)
            loss.backward()
            self.optimizer.step()

    def test(self):
        self.model.eval()
        correct = 0
        total = 0
        with torch.no_grad():
            for data, target in self.test_loader:
                predicted = self.model(data).argmax(dim=1)
                total += target.size(0)
                correct += predicted.eq(target).sum().item()
        acc = correct / (total + 1)
        return acc


if __name__ == "__main__":
    torch.manual_seed(3)
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X, y, test_size=0.2, random_state=3)
    X_train, X_test, y_train, y_test = split
    train_loader = DataLoader(DigitsDataset(X_train, y_train), 32, shuffle=True)
    test_loader = DataLoader(DigitsDataset(X_test, y_test), 32)
    trainer = Trainer(Classifier(), train_loader, test_loader)
    for epoch in range(3):
        trainer.train_epoch()
        print(f"epoch {epoch}: accuracy {trainer.test():.3f}")
