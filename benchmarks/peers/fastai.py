"""fastai: a `Learner` without recorder and bar, quick loader, fused Adam."""

import sys
from functools import partial

import torch

# The wheel of torchvision is for CUDA. Beside the CPU build of PyTorch it can be
# imported once these two operators, which nothing here uses, are known; it lies apart,
# with fastai, so that nobody else finds it.
sys.path.append(f"{sys.prefix}/fastai")
_OPERATORS = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):
    _OPERATORS.define(f"{_name}(Tensor boxes, Tensor scores, float limit) -> Tensor")

from benchmarks.peers.torch_network import (  # noqa: E402
    Trained,
    build,
    build_loss,
    quick_loader,
)
from benchmarks.peers.work import LR, Work  # noqa: E402
from fastai.callback.core import Callback  # noqa: E402
from fastai.callback.progress import ProgressCallback  # noqa: E402
from fastai.data.core import DataLoaders  # noqa: E402
from fastai.learner import Learner, Recorder  # noqa: E402
from fastai.optimizer import OptimWrapper  # noqa: E402


class Turns(Callback):
    """Waits for the turn before each epoch."""

    def __init__(self, work: Work) -> None:
        self.work = work

    def before_epoch(self) -> None:
        """Wait."""
        self.work.turn()


def train(work: Work) -> Trained:
    """Train."""
    loader = quick_loader(work)
    learner = Learner(
        DataLoaders(loader, []),
        build(work.job),
        loss_func=build_loss(work.job),
        opt_func=partial(OptimWrapper, opt=torch.optim.Adam, fused=True),
        cbs=[Turns(work)],
    )
    learner.remove_cbs([Recorder, ProgressCallback])
    learner.fit(work.num_epochs, lr=LR)
    work.done()
    return Trained(learner.model)
