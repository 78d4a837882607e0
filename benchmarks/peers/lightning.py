"""Lightning, tuned: no logger, no bar, no checkpoints, quick loader, fused Adam."""

import logging
import warnings

import lightning as L
import torch
from benchmarks.peers.torch_network import Trained, build, build_loss, quick_loader
from benchmarks.peers.work import LR, Work


class Network(L.LightningModule):
    """The network with its loss."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.network, self.loss_function = build(work.job), build_loss(work.job)
        self.work = work

    def on_train_epoch_start(self) -> None:
        """Wait for the turn."""
        self.work.turn()

    def training_step(self, batch, index):
        """Return the loss of a batch."""
        inputs, targets = batch
        return self.loss_function(self.network(inputs), targets)

    def configure_optimizers(self):
        """Return the optimizer."""
        return torch.optim.Adam(self.network.parameters(), lr=LR, fused=True)


def train(work: Work) -> Trained:
    """Train."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loader, module = quick_loader(work), Network(work)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=work.num_epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, loader)
    work.done()
    return Trained(module.network)
