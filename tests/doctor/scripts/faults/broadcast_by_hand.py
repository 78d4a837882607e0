import torch

torch.manual_seed(0)
X = torch.randn(100, 3)
y = X @ torch.tensor([1.0, 2.0, -1.0]) + 0.5
w = torch.randn(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for epoch in range(20):
    y_hat = X.mm(w) + b
    error = y_hat - y  # C4
    loss = (error**2).sum() / len(X)
    loss.backward()
    with torch.no_grad():
        w -= 0.001 * w.grad
        b -= 0.001 * b.grad
    w.grad.zero_()
    b.grad.zero_()
