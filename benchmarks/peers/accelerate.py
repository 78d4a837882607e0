"""Accelerate: a loop by hand around its `Accelerator`."""

import torch
from accelerate import Accelerator
from benchmarks.peers.torch_network import Trained, build, build_loss, quick_loader
from benchmarks.peers.work import LR, Work


def train(work: Work) -> Trained:
    """Train."""
    accelerator = Accelerator(cpu=True)
    loader, network = quick_loader(work), build(work.job)
    optimizer = torch.optim.Adam(network.parameters(), lr=LR, fused=True)
    loss_function = build_loss(work.job)
    # The loader's batches are index selections, which `prepare` does not know.
    model, optimizer = accelerator.prepare(network, optimizer)
    for _ in work.epochs():
        for inputs, targets in loader:
            optimizer.zero_grad()
            accelerator.backward(loss_function(model(inputs), targets))
            optimizer.step()
    return Trained(network)
