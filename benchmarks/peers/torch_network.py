"""The network, the loss and the data of a job, for contenders that use PyTorch."""

from dataclasses import dataclass

import numpy as np
import torch
from benchmarks.peers.work import Job, Work
from torch import Tensor, nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset


@dataclass(frozen=True)
class Trained:
    """A network that has been trained."""

    network: nn.Module

    @torch.inference_mode()
    def outputs(self, inputs: np.ndarray) -> np.ndarray:
        """Return raw outputs."""
        self.network.eval()
        parts = torch.from_numpy(inputs).split(1000)
        return torch.cat([self.network(part).float() for part in parts]).numpy()

    def save(self, path: str) -> None:
        """Save the weights."""
        torch.save(self.network.state_dict(), path)


def build(job: Job) -> nn.Module:
    """Build the network, with the same initial weights each time."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    if job.is_images:
        layers += [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Flatten()]
    for before, size in zip(job.sizes, job.sizes[1:], strict=False):
        layers += [nn.Linear(before, size), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def build_loss(job: Job) -> nn.Module:
    """Build the loss."""
    return nn.MSELoss() if job.is_regression else nn.CrossEntropyLoss()


def tensors(work: Work) -> tuple[Tensor, Tensor]:
    """Return the training data, and set the number of threads."""
    torch.set_num_threads(work.threads)
    return torch.from_numpy(work.inputs), torch.from_numpy(work.targets)


def quick_loader(work: Work) -> DataLoader:
    """Return a `DataLoader` at its best: a batch is one index selection."""
    data = TensorDataset(*tensors(work))
    batches = BatchSampler(RandomSampler(data), work.job.batch, drop_last=False)
    return DataLoader(data, sampler=batches, batch_size=None)
