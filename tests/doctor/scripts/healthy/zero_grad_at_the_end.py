import torch
from torch import nn

torch.manual_seed(0)
centers = torch.randn(3, 8) * 2
y = torch.randint(0, 3, (300,))
X = centers[y] + torch.randn(300, 8)


def get_model():
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))


def train(model, optimizer, criterion, X, y, epochs=5, batch_size=32):
    for epoch in range(epochs):
        perm = torch.randperm(len(X))
        for k in range(0, len(X), batch_size):
            idx = perm[k : k + batch_size]
            loss = criterion(model(X[idx]), y[idx])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        print(epoch, loss.item())


def main():
    model = get_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    train(model, optimizer, nn.CrossEntropyLoss(), X[:240], y[:240])
    model.eval()
    with torch.no_grad():
        acc = (model(X[240:]).argmax(1) == y[240:]).float().mean().item()
    print(f"accuracy {acc:.2%}")


if __name__ == "__main__":
    main()
