"""A tuned pipeline of scikit-learn, and a plain ResNet-18, for small pictures."""

import math
import time
from typing import Any

import numpy as np
from benchmarks.quality.rows import Rows

from torchsmith.data.on_disk import in_memory

CELL, ANGLES = 4, 9
EPOCHS = 1000  # the seconds end it


def pixels(rows: Rows) -> np.ndarray:
    """Return `(N, H, W, C)` float32 from 0 to 1."""
    return in_memory(rows.data.inputs.pixels).astype(np.float32) / 255


def fit_hog_svc(rows: Rows) -> np.ndarray:
    """Fit a support vector machine to oriented gradients and to colours.

    C and gamma are searched by three-fold cross-validation.
    """
    from sklearn.decomposition import PCA
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    pictures, fitted = pixels(rows), rows.fitted
    inputs = np.hstack([gradients(pictures), 0.1 * _flat(pictures)])
    whitened = PCA(150, whiten=True, random_state=rows.seed)
    search = GridSearchCV(
        make_pipeline(whitened, SVC()),
        {"svc__C": [1, 3, 10], "svc__gamma": [1e-3, 2e-3, 4e-3, 8e-3]},
        cv=3,
    )
    search.fit(inputs[fitted], rows.targets[fitted])
    said = search.predict(inputs[rows.parts.test])
    return np.eye(rows.num_classes)[said]


def _flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1)


def gradients(pictures: np.ndarray) -> np.ndarray:
    """Return histograms of the directions of gradients (Dalal and Triggs, 2005)."""
    grey = pictures.mean(3)
    down, right = np.gradient(grey, axis=(1, 2))
    strength = np.hypot(down, right)
    angle = (np.arctan2(down, right) % np.pi) / np.pi * ANGLES
    num, height, width = grey.shape
    rows, columns = height // CELL, width // CELL
    found = np.zeros((num, rows, columns, ANGLES), np.float32)
    lower = np.floor(angle).astype(int)
    share = angle - lower
    for place in range(ANGLES):
        near = strength * (
            (lower % ANGLES == place) * (1 - share)
            + ((lower + 1) % ANGLES == place) * share
        )
        near = near[:, : rows * CELL, : columns * CELL]
        found[..., place] = near.reshape(num, rows, CELL, columns, CELL).sum((2, 4))
    blocks = np.concatenate(
        [
            found[:, i : rows - 1 + i, j : columns - 1 + j]
            for i in (0, 1)
            for j in (0, 1)
        ],
        axis=3,
    )
    return _flat(blocks / np.sqrt((blocks**2).sum(3, keepdims=True) + 1e-3))


def fit_resnet18(rows: Rows) -> np.ndarray:
    """Train a ResNet-18 by hand for as many seconds as the plan was made for.

    Random flips and shifts, SGD with Nesterov momentum, a cosine over the time; the
    epoch that is best on the val part is kept.
    """
    import torch

    torch.manual_seed(rows.seed)
    inputs = torch.from_numpy(pixels(rows)).permute(0, 3, 1, 2).contiguous()
    train = inputs[rows.parts.train]
    inputs = (inputs - train.mean((0, 2, 3), keepdim=True)) / train.std(
        (0, 2, 3), keepdim=True
    )
    targets = torch.from_numpy(rows.targets)
    network = resnet18(inputs.shape[1], rows.num_classes)
    optimizer = torch.optim.SGD(
        network.parameters(), 0.05, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    begun, best, kept = time.monotonic(), -1.0, network.state_dict()
    for _ in range(EPOCHS):
        network.train()
        for some in torch.from_numpy(rows.parts.train)[
            torch.randperm(len(rows.parts.train))
        ].split(64):
            spent = (time.monotonic() - begun) / rows.seconds
            if spent >= 1:
                break
            optimizer.param_groups[0]["lr"] = 0.025 * (1 + math.cos(math.pi * spent))
            loss = torch.nn.functional.cross_entropy(
                network(_varied(inputs[some])), targets[some]
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        outputs = _outputs(network, inputs[rows.parts.val])
        right = (outputs.argmax(1) == targets[rows.parts.val]).float().mean().item()
        if right >= best:
            state = network.state_dict()
            best, kept = right, {name: value.clone() for name, value in state.items()}
        if time.monotonic() - begun >= rows.seconds:
            break
    network.load_state_dict(kept)
    return _outputs(network, inputs[rows.parts.test]).softmax(1).numpy()


def _varied(pictures: Any) -> Any:
    """Flip each picture with a probability of one half, and shift by up to 4 pixels."""
    import torch

    flipped = torch.rand(len(pictures)) < 0.5
    pictures = torch.where(flipped[:, None, None, None], pictures.flip(3), pictures)
    down, right = torch.randint(-4, 5, (2,)).tolist()
    padded = torch.nn.functional.pad(pictures, (4, 4, 4, 4))
    height, width = pictures.shape[2:]
    return padded[:, :, 4 + down : 4 + down + height, 4 + right : 4 + right + width]


def _outputs(network: Any, inputs: Any) -> Any:
    import torch

    network.eval()
    with torch.inference_mode():
        return torch.cat([network(some) for some in inputs.split(256)])


def resnet18(channels: int, classes: int) -> Any:
    """Return the network of He et al. (2015), with its stem for large pictures."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.path = nn.Sequential(
                nn.Conv2d(before, after, 3, stride, 1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
                nn.Conv2d(after, after, 3, 1, 1, bias=False),
                nn.BatchNorm2d(after),
            )
            self.short = (
                nn.Identity()
                if stride == 1 and before == after
                else nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=False),
                    nn.BatchNorm2d(after),
                )
            )

        def forward(self, inputs: Any) -> Any:
            return nn.functional.relu(self.path(inputs) + self.short(inputs))

    widths = (64, 64, 128, 256, 512)
    blocks = [
        Block(
            widths[i] if first else widths[i + 1],
            widths[i + 1],
            2 if first and i else 1,
        )
        for i in range(4)
        for first in (True, False)
    ]
    return nn.Sequential(
        nn.Conv2d(channels, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, classes),
    )
