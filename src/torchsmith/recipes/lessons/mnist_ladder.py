"""One softmax regression on MNIST, climbed in six rungs; the loss is the same on each.

The network is one matrix and one bias: 784 pixels in, ten scores out. The first rung is
written with tensors alone. Each further rung hands one part of the work to PyTorch: the
loss to `torch.nn.functional`, the weights to `nn.Module`, the update to `torch.optim`,
the pairs of picture and digit to `Dataset`, the batches to `DataLoader`. What is
computed never changes, and the program checks that: all losses agree to 1e-6.

The loss of one batch says little: the last batch may happen to be an easy one. The mean
over the last hundred batches says more.
"""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

DATA = "mnist"


def read_idx(path: Path) -> np.ndarray:
    """Read a gzipped IDX file: 4 bytes that say the kind, sizes, then bytes."""
    content = gzip.decompress(path.read_bytes())
    num_dimensions = content[3]
    sizes = np.frombuffer(content, ">i4", num_dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * num_dimensions).reshape(
        sizes
    )


def batches(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut pictures and digits into batches, in their order."""
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


def softmax_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return minus the mean logarithm of the probability of the right digit.

    Softmax turns the ten scores of a picture into probabilities: their exponentials,
    divided by the sum of these.
    """
    log_probabilities = scores - scores.exp().sum(dim=1, keepdim=True).log()
    return -log_probabilities[range(len(targets)), targets].mean()


def raw_tensors(
    x: Tensor, y: Tensor, start: Tensor, size: int, epochs: int, lr: float
) -> Tensor:
    """Rung 1: nothing but tensors and autograd.

    Returns:
        The loss of each batch before its step, then of the last batch after it.
    """
    weights = start.clone().requires_grad_()
    bias = torch.zeros(10, dtype=start.dtype, requires_grad=True)
    losses = []
    for _ in range(epochs):
        for inputs, targets in batches(x, y, size):
            loss = softmax_loss(inputs @ weights + bias, targets)
            loss.backward()
            with torch.no_grad():  # the step is not part of what is differentiated
                weights -= lr * weights.grad
                bias -= lr * bias.grad
            weights.grad = bias.grad = None  # otherwise the next ones are added
            losses.append(loss.item())
    losses.append(softmax_loss(inputs @ weights + bias, targets).item())
    return torch.tensor(losses, dtype=torch.float64)


def functional_loss(
    x: Tensor, y: Tensor, start: Tensor, size: int, epochs: int, lr: float
) -> Tensor:
    """Rung 2: `cross_entropy` is the whole of `softmax_loss`.

    It is safer, too: there, the exponential of a score above 709 overflows.
    """
    weights = start.clone().requires_grad_()
    bias = torch.zeros(10, dtype=start.dtype, requires_grad=True)
    losses = []
    for _ in range(epochs):
        for inputs, targets in batches(x, y, size):
            loss = functional.cross_entropy(inputs @ weights + bias, targets)
            loss.backward()
            with torch.no_grad():
                weights -= lr * weights.grad
                bias -= lr * bias.grad
            weights.grad = bias.grad = None
            losses.append(loss.item())
    losses.append(functional.cross_entropy(inputs @ weights + bias, targets).item())
    return torch.tensor(losses, dtype=torch.float64)


def new_module(start: Tensor) -> nn.Module:
    """Return `nn.Linear` with the weights that the other rungs begin with."""
    network = nn.Linear(784, 10, dtype=start.dtype)
    with torch.no_grad():
        network.weight.copy_(start.T)  # (out, in): the transpose of ours
        network.bias.zero_()
    return network


def module(
    x: Tensor, y: Tensor, start: Tensor, size: int, epochs: int, lr: float
) -> Tensor:
    """Rung 3: an `nn.Module` holds the weights and hands them out by `parameters()`."""
    network = new_module(start)
    losses = []
    for _ in range(epochs):
        for inputs, targets in batches(x, y, size):
            loss = functional.cross_entropy(network(inputs), targets)
            network.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.sub_(lr * parameter.grad)
            losses.append(loss.item())
    losses.append(functional.cross_entropy(network(inputs), targets).item())
    return torch.tensor(losses, dtype=torch.float64)


def optim(
    x: Tensor, y: Tensor, start: Tensor, size: int, epochs: int, lr: float
) -> Tensor:
    """Rung 4: `torch.optim` does the step; another optimizer is one word away."""
    network = new_module(start)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for inputs, targets in batches(x, y, size):
            loss = functional.cross_entropy(network(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    losses.append(functional.cross_entropy(network(inputs), targets).item())
    return torch.tensor(losses, dtype=torch.float64)


class Digits(Dataset[tuple[Tensor, Tensor]]):
    """Pictures and their digits: how many there are, and each pair by its place."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x = x
        self.y = y

    def __len__(self) -> int:
        """Return how many pairs there are."""
        return len(self.x)

    def __getitem__(self, index: int | slice) -> tuple[Tensor, Tensor]:
        """Return a picture and its digit, or, for a slice, several."""
        return self.x[index], self.y[index]


def dataset(
    x: Tensor, y: Tensor, start: Tensor, size: int, epochs: int, lr: float
) -> Tensor:
    """Rung 5: a `Dataset` keeps each picture with its digit."""
    network = new_module(start)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    examples = Digits(x, y)
    losses = []
    for _ in range(epochs):
        for first in range(0, len(examples), size):
            inputs, targets = examples[first : first + size]
            loss = functional.cross_entropy(network(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    losses.append(functional.cross_entropy(network(inputs), targets).item())
    return torch.tensor(losses, dtype=torch.float64)


def data_loader(
    x: Tensor, y: Tensor, start: Tensor, size: int, epochs: int, lr: float
) -> Tensor:
    """Rung 6: a `DataLoader` makes the batches; this is the loop of every program."""
    network = new_module(start)
    optimizer = torch.optim.SGD(network.parameters(), lr=lr)
    # Real training shuffles; here the order is kept, so that the rungs can be compared.
    loader = DataLoader(Digits(x, y), batch_size=size, shuffle=False)
    losses = []
    for _ in range(epochs):
        for inputs, targets in loader:
            loss = functional.cross_entropy(network(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    losses.append(functional.cross_entropy(network(inputs), targets).item())
    return torch.tensor(losses, dtype=torch.float64)


RUNGS = {
    "1 tensors": raw_tensors,
    "2 functional": functional_loss,
    "3 Module": module,
    "4 optim": optim,
    "5 Dataset": dataset,
    "6 DataLoader": data_loader,
}


def mnist_ladder(
    *,
    examples: int = 50_000,
    epochs: int = 2,
    batch_size: int = 64,
    lr: float = 0.5,
    seed: int = 0,
    folder: str = "mnist",
    tell: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Train the same network on each rung, and compare the losses.

    Args:
        examples: Pictures to train on, from the first.
        epochs: Passes over them.
        batch_size: Pictures of one step.
        lr: The step is the gradient times this.
        seed: Draws the initial weights.
        folder: Where the gzipped IDX files of MNIST lie.
        tell: Is told what was found, line by line.

    Raises:
        ValueError: There are not so many pictures.
    """
    pictures = read_idx(Path(folder, "train-images-idx3-ubyte.gz"))
    digits = read_idx(Path(folder, "train-labels-idx1-ubyte.gz"))
    if examples > len(pictures):
        raise ValueError(f"examples: there are {len(pictures):,}, not {examples:,}")
    # float64, so that the order in which numbers are added hardly matters.
    x = torch.from_numpy(pictures[:examples].reshape(-1, 784) / 255.0)
    y = torch.from_numpy(digits[:examples].astype(np.int64))
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(784, 10, dtype=torch.float64, generator=generator) / 784**0.5

    losses = {}
    for name, rung in RUNGS.items():
        losses[name] = rung(x, y, start, batch_size, epochs, lr)
        first, last = losses[name][0], losses[name][-1]
        tell(f"{name}: loss {first:.4f} at first, {last:.4f} after the last step")
    reference = losses["1 tensors"]
    assert reference.isfinite().all(), f"lr = {lr:g} is too large: rung 1 overflows"
    for name, found in losses.items():
        assert torch.allclose(found, reference, rtol=0, atol=1e-6), (
            f"{name}: the losses are not those of rung 1; lr is too large"
        )
    tell("all six agree to 1e-6, in each of the batches")
    apart = max((found - reference).abs().max().item() for found in losses.values())

    window = max(1, len(reference) // 200)
    return {
        "numbers": {
            "loss of the first batch": reference[0].item(),
            "loss of the last batch after its step": reference[-1].item(),
            "mean loss of the last 100 batches": reference[-101:-1].mean().item(),
            "largest difference between the rungs": apart,
        },
        "tables": {
            "The rungs": [
                {
                    "rung": name,
                    "first loss": found[0].item(),
                    "last loss": found[-1].item(),
                    "off by": (found - reference).abs().max().item(),
                }
                for name, found in losses.items()
            ]
        },
        "figures": {
            "The loss of each batch, smoothed": {
                "x": "step",
                "lines": {
                    name: [
                        (step + 1, found[step : step + window].mean().item())
                        for step in range(0, len(found) - 1, window)
                    ]
                    for name, found in losses.items()
                },
            }
        },
    }
