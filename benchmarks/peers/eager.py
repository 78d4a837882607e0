"""The best loop by hand: index batches, fused Adam, denormals flushed."""

from contextlib import nullcontext

import torch
from benchmarks.peers.torch_network import Trained, build, build_loss, tensors
from benchmarks.peers.work import LR, Work


def train(work: Work, *, channels_last: bool = False, bf16: bool = False) -> Trained:
    """Train."""
    inputs, targets = tensors(work)
    torch.set_flush_denormal(True)
    network, loss_function = build(work.job), build_loss(work.job)
    if channels_last:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=LR, fused=True)
    precision = torch.autocast("cpu", torch.bfloat16) if bf16 else nullcontext()
    for _ in work.epochs():
        for rows in torch.randperm(len(inputs)).split(work.job.batch):
            with precision:
                loss = loss_function(network(inputs[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return Trained(network)
