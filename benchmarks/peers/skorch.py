"""skorch: `NeuralNet` without a validation part and without printing."""

import torch
from benchmarks.peers.torch_network import Trained, build, build_loss, tensors
from benchmarks.peers.work import LR, Work
from skorch import NeuralNet
from skorch.callbacks import Callback


class Turns(Callback):
    """Waits for the turn before each epoch."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def on_epoch_begin(self, net, **values) -> None:
        """Wait."""
        self.work.turn()


def train(work: Work) -> Trained:
    """Train."""
    inputs, targets = tensors(work)
    net = NeuralNet(
        build(work.job),
        build_loss(work.job),
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=LR,
        max_epochs=work.num_epochs,
        batch_size=work.job.batch,
        iterator_train__shuffle=True,
        train_split=None,
        callbacks=[Turns(work)],
        callbacks__print_log=None,
        verbose=0,
    )
    net.fit(inputs, targets)
    work.done()
    return Trained(net.module_)
