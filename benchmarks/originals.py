"""Measure what the mistakes in the originals of two recipes cost, in plain PyTorch.

    python benchmarks/originals.py california            each mistake, several seeds
    python benchmarks/originals.py car --seeds 0 1       only these seeds

The tables are read from the folders that `TORCHSMITH_DATA` names. Each function trains
one network as its name says; each seed draws the held-out fifth, the first weights
and the order. Nothing is chosen by the held-out rows: the last epoch counts.
"""

import argparse
import csv
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Result = dict[str, float]


def main() -> None:
    """Print one row for each function and seed, then the spread over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("original", choices=["california", "car"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", help="names of functions")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    functions = {"california": CALIFORNIA, "car": CAR}[chosen.original]
    for function in functions:
        if chosen.only and function.__name__ not in chosen.only:
            continue
        results = []
        for seed in chosen.seeds:
            begun = time.monotonic()
            results.append(function(seed))
            print_row(function.__name__, f"seed {seed}", results[-1], begun)
        for title, spread in [("mean", mean), ("lowest", min), ("highest", max)]:
            found = {key: spread(one[key] for one in results) for key in results[0]}
            print_row(function.__name__, title, found)


def print_row(name: str, title: str, found: Result, begun: float | None = None) -> None:
    """Print numbers with their names."""
    cells = "  ".join(f"{key} {value:.3f}" for key, value in found.items())
    took = "" if begun is None else f"  ({time.monotonic() - begun:.0f} s)"
    print(f"{name:<24} {title:<8} {cells}{took}", flush=True)


def rows_of(folder: str, file: str) -> list[dict[str, str]]:
    """Read a table of the folder of real data."""
    roots = [*map(Path, filter(None, [os.environ.get("TORCHSMITH_DATA")])), DATA]
    path = next(root / folder / file for root in roots if (root / folder).is_dir())
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def split(length: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return the shuffled rows to learn from, and the fifth that is held out."""
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed))
    return order[length // 5 :], order[: length // 5]


# --- california: 8-100-1, ReLU, Adam 1e-3, batches of 100, 200 epochs


def prices(seed: int, *, standardised: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return inputs (N, 8) and prices (N, 1) to learn from, and those held out."""
    rows = rows_of("california", "california_housing.csv")
    table = torch.tensor([[float(value) for value in row.values()] for row in rows])
    train, test = split(len(table), seed)
    x, y = table[:, :8], table[:, 8:]
    if standardised:
        x = (x - x[train].mean(0)) / x[train].std(0)
    return x[train], y[train], x[test], y[test]


def new_network(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    """Return the network for prices with its optimizer."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(8, 100), nn.ReLU(), nn.Linear(100, 1))
    return network, torch.optim.Adam(network.parameters(), lr=1e-3)


def learn_prices(
    seed: int, parts: tuple[Tensor, Tensor, Tensor, Tensor], epochs: int = 200
) -> Result:
    """Train; return the last RMSE, and the range over the last 20 epochs."""
    x, y, x_test, y_test = parts
    network, optimizer = new_network(seed)
    errors = []
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(100):
            loss = F.mse_loss(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        errors.append(rmse(network, x_test, y_test))
    late = errors[-20:]
    return {"rmse": errors[-1], "late_min": min(late), "late_max": max(late)}


def rmse(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the root of the mean squared error."""
    with torch.inference_mode():
        return F.mse_loss(network(x), y).sqrt().item()


def california_right(seed: int) -> Result:
    """Standardised inputs, targets of the shape of the outputs."""
    return learn_prices(seed, prices(seed, standardised=True))


def california_overwritten(seed: int) -> Result:
    """The loop names a batch as it names the whole: from the second on it is empty."""
    x_all, y_all, x_test, y_test = prices(seed, standardised=False)
    network, optimizer = new_network(seed)
    untrained = rmse(network, x_test, y_test)
    y = y_all.squeeze(1)
    numbers = losses = 0
    for _epoch in range(2):
        for start in range(0, len(x_all) - 99, 100):
            x = x_all[start : start + 100]
            y = y[start : start + 100]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that shapes (100, 1) and (0,) differ
                loss = F.mse_loss(network(x), y)
            numbers, losses = numbers + int(loss.isfinite()), losses + 1
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    finite = all(bool(p.isfinite().all()) for p in network.parameters())
    return {
        "losses": losses,
        "of_them_numbers": numbers,
        "weights_finite": finite,
        "rmse": rmse(network, x_test, y_test),
        "untrained": untrained,
    }


def california_raw(seed: int) -> Result:
    """Inputs as they are: populations in thousands beside rooms in single digits."""
    return learn_prices(seed, prices(seed, standardised=False))


def california_broadcast(seed: int) -> Result:
    """Outputs (N, 1), targets (N,), 20 epochs: each output meets each price."""
    x, y, x_test, y_test = prices(seed, standardised=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says that the shapes differ
        return learn_prices(seed, (x, y.squeeze(1), x_test, y_test), epochs=20)


# --- car: six embeddings, 200-100-50, dropout 0.4, Adam 1e-3, 500 epochs of one batch


class CarNetwork(nn.Module):
    """Codes `(N, 6)` to four scores; the original also drops out of the embeddings."""

    def __init__(self, *, embedding_dropout: float, width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(n, width) for n in (4, 4, 4, 3, 3, 3))
        self.dropout = nn.Dropout(embedding_dropout)
        layers: list[nn.Module] = []
        for inputs, outputs in [(6 * width, 200), (200, 100), (100, 50)]:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
            layers += [nn.BatchNorm1d(outputs), nn.Dropout(0.4)]
        self.layers = nn.Sequential(*layers, nn.Linear(50, 4))

    def forward(self, codes: Tensor) -> Tensor:
        """Return scores `(N, 4)`."""
        found = [table(codes[:, i]) for i, table in enumerate(self.tables)]
        scores: Tensor = self.layers(self.dropout(torch.cat(found, dim=1)))
        return scores


def cars() -> tuple[Tensor, Tensor]:
    """Return codes (1728, 6) and classes (1728,), words numbered by the alphabet."""
    rows = rows_of("car", "car_evaluation.csv")
    columns = []
    for name in rows[0]:
        words = sorted({row[name] for row in rows})
        columns.append([words.index(row[name]) for row in rows])
    table = torch.tensor(columns).T
    return table[:, :6], table[:, 6]


def learn_cars(
    seed: int,
    targets: Tensor | None = None,
    *,
    shuffled: bool = True,
    embedding_dropout: float = 0.4,
    width: int = 2,
) -> Result:
    """Train; return the accuracy in `eval()` and in training mode, and of training."""
    codes, classes = cars()
    targets = classes if targets is None else targets
    train, test = split(len(codes), seed)
    if not shuffled:
        train, test = torch.arange(1383), torch.arange(1383, 1728)
    torch.manual_seed(seed)
    network = CarNetwork(embedding_dropout=embedding_dropout, width=width)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(500):
        loss = F.cross_entropy(network(codes[train]), targets[train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        as_trained = accuracy(network, codes[test], targets[test])
        network.eval()
        return {
            "eval": accuracy(network, codes[test], targets[test]),
            "train_mode": as_trained,
            "train_part": accuracy(network, codes[train], targets[train]),
            "most_common": share_of_most_common(targets[test]),
        }


def accuracy(network: nn.Module, codes: Tensor, targets: Tensor) -> float:
    """Return the share of rows that are right."""
    return (network(codes).argmax(dim=1) == targets).float().mean().item()


def share_of_most_common(targets: Tensor) -> float:
    """Return what one reaches who always says the same."""
    return (targets.bincount().max() / len(targets)).item()


def car_flattened(seed: int) -> Result:
    """One-hot rows flattened to 6,912 zeros and ones; the first 1,728 are taught."""
    _, classes = cars()
    return learn_cars(seed, F.one_hot(classes).flatten()[:1728], shuffled=False)


def car_file_order(seed: int) -> Result:
    """The last fifth of a sorted file is held out."""
    return learn_cars(seed, shuffled=False)


def car_embedding_dropout(seed: int) -> Result:
    """Shuffled; two fifths of the numbers that describe a car are zeroed."""
    return learn_cars(seed)


def car_narrow(seed: int) -> Result:
    """No dropout of the embeddings, which have two numbers a word."""
    return learn_cars(seed, embedding_dropout=0)


def car_right(seed: int) -> Result:
    """Shuffled, no dropout of the embeddings, three numbers a word."""
    return learn_cars(seed, embedding_dropout=0, width=3)


Measured = tuple[Callable[[int], Result], ...]
CALIFORNIA: Measured = (
    california_right,
    california_overwritten,
    california_raw,
    california_broadcast,
)
CAR: Measured = (
    car_flattened,
    car_file_order,
    car_embedding_dropout,
    car_narrow,
    car_right,
)

if __name__ == "__main__":
    main()
