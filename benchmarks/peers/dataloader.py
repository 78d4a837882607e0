"""The loop as in most tutorials: a `DataLoader` over a `TensorDataset`."""

import torch
from benchmarks.peers.torch_network import Trained, build, build_loss, tensors
from benchmarks.peers.work import LR, Work
from torch.utils.data import DataLoader, TensorDataset


def train(work: Work) -> Trained:
    """Train."""
    data = TensorDataset(*tensors(work))
    loader = DataLoader(data, batch_size=work.job.batch, shuffle=True)
    network, loss_function = build(work.job), build_loss(work.job)
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    for _ in work.epochs():
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss_function(network(inputs), targets).backward()
            optimizer.step()
    return Trained(network)
