import torch

torch.manual_seed(0)
X = torch.randn(200, 3)
true_w = torch.tensor([[2.0], [-3.4], [0.7]])
y = X @ true_w + 4.2 + 0.01 * torch.randn(200, 1)
w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)


def data_iter(batch_size, features, labels):
    indices = torch.randperm(len(features))
    for i in range(0, len(features), batch_size):
        j = indices[i : min(i + batch_size, len(features))]
        yield features[j], labels[j]


def linreg(X, w, b):
    return torch.matmul(X, w) + b


def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


def sgd(params, lr, batch_size):
    for param in params:
        param.data -= lr * param.grad / batch_size
        param.grad.zero_()


for epoch in range(3):
    for Xb, yb in data_iter(10, X, y):
        loss = squared_loss(linreg(Xb, w, b), yb)
        loss.sum().backward()
        sgd([w, b], 0.03, 10)
    with torch.no_grad():
        print(epoch, squared_loss(linreg(X, w, b), y).mean().item())
