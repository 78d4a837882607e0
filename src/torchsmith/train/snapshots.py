"""The first layer's weights as training goes on, to be looked at later."""

from collections.abc import Iterator, Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from torch import Tensor, nn

from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic, write_failed
from torchsmith.core.run_folder import RunFolder
from torchsmith.train.history import EpochRecord
from torchsmith.train.state import TrainState, safetensors_bytes
from torchsmith.train.watch import TrainingObserver

MOST_SNAPSHOTS = 13
MOST_BYTES = 4_000_000
"""Of all snapshots of a run."""
MOST_ROWS = 256


class WeightSnapshots(TrainingObserver):
    """Keeps the first layer's weights before training, at epochs 1, 2, 4, … and last.

    They follow from the training alone: a resumed run has the same ones.

    Args:
        folder: Of the run.
        state: What is trained, as training begins or goes on.
        num_epochs: As planned; above 1,024, epochs 1, 4, 16, … are kept.
    """

    def __init__(self, folder: RunFolder, state: TrainState, num_epochs: int) -> None:
        self._folder = folder
        self._state = state
        self._parameter = first_weights(state.network)
        self._epochs = snapshot_epochs(num_epochs)
        self._held: dict[int, bytes] = {}
        if self._parameter is None:
            return
        try:
            folder.snapshots.mkdir(exist_ok=True)
            for epoch, path in folder.snapshot_files().items():
                if epoch > state.epoch:
                    path.unlink()
        except OSError as error:
            raise write_failed(folder.snapshots, error) from error
        if state.step == 0:
            self._take(0)

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Take the weights where it is time, or training is done."""
        if record.epoch in self._epochs or self._state.ending:
            self._take(record.epoch)

    def write_out(self) -> None:
        """Write the snapshots that were taken since: at most 4 MB in all."""
        held, self._held = self._held, {}
        for epoch, content in held.items():
            write_atomic(self._folder.snapshot(epoch), content)

    def _take(self, epoch: int) -> None:
        if self._parameter is not None:
            name, weights, rows = self._parameter
            taken = {name: weights.detach()[:rows].float()}
            self._held[epoch] = safetensors_bytes(taken)


class Snapshots(Mapping[int, np.ndarray]):
    """A parameter's values at some epochs, the first first; 0 is before training.

    Attributes:
        parameter: Its name, such as `0.weight`; empty where there are none.
    """

    def __init__(self, parameter: str, values: Mapping[int, np.ndarray]) -> None:
        self.parameter = parameter
        self._values = values

    @classmethod
    def read(cls, folder: RunFolder) -> "Snapshots":
        """Read those of a run; empty where it has none.

        Raises:
            TrainError: A file is damaged.
        """
        parameter, values = "", {}
        for epoch, path in folder.snapshot_files().items():
            try:
                [(parameter, values[epoch])] = load_file(path).items()
            except (OSError, ValueError, SafetensorError) as error:
                raise TrainError(
                    f"{path}: cannot be read ({error}); remove it: only pictures of "
                    "the weights over time are made of it"
                ) from error
        return cls(parameter, values)

    def __getitem__(self, epoch: int) -> np.ndarray:
        return self._values[epoch]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def snapshot_epochs(num_epochs: int) -> tuple[int, ...]:
    """Return when snapshots are taken, the last epoch of training left out.

    >>> snapshot_epochs(10)
    (0, 1, 2, 4, 8)
    """
    base, epochs = (2 if num_epochs <= 2**10 else 4), [0]
    while (epoch := base ** (len(epochs) - 1)) <= num_epochs:
        epochs.append(epoch)
    return tuple(epochs)


def first_weights(network: nn.Module) -> tuple[str, Tensor, int] | None:
    """Return name and values of the first matrix, or larger array, of real numbers.

    The third value is how many of its rows a snapshot has: at most 256, and so many
    that all snapshots of a run take at most 4 MB. None where there is no such
    parameter, or not even one row is small enough.
    """
    for name, parameter in network.named_parameters():
        if parameter.ndim >= 2 and parameter.is_floating_point():
            most = MOST_BYTES // MOST_SNAPSHOTS // 4
            rows = min(MOST_ROWS, len(parameter), most // max(parameter[0].numel(), 1))
            return (name, parameter, rows) if rows else None
    return None
