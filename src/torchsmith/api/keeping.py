"""What is kept of a training that fails or is stopped, and how that is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from torchsmith.core.errors import Interrupted, TorchsmithError
from torchsmith.core.files import write_atomic
from torchsmith.core.run_folder import RunFolder

if TYPE_CHECKING:
    from torch import nn

    from torchsmith.train.state import TrainState

Save = Callable[[Path], None]
"""Writes a model into a folder."""


@contextmanager
def stopping_in(folder: RunFolder) -> Iterator[None]:
    """Say how to go on where Ctrl-C comes between steps, when no loop can say it.

    Raises:
        Interrupted: Ctrl-C, before the first step, after the last, or a second time.
    """
    try:
        yield
    except KeyboardInterrupt:
        kept = "no step is saved yet"
        if folder.kind == "study":
            kept = "what its runs have saved is kept"
        elif newest := folder.newest_checkpoint()[0]:
            kept = f"training is saved up to step {int(newest.name.partition('-')[0])}"
        raise Interrupted(f"stopped; {kept}. Go on with: {folder.go_on}") from None


def save_weights(module: "nn.Module", path: Path) -> None:
    """Write the weights of a person's module into a folder, by plain names."""
    from torchsmith.train.state import safetensors_bytes

    # torch.compile puts a name of its own before those of the module.
    weights = {
        name.replace("_orig_mod.", ""): weight
        for name, weight in module.state_dict().items()
    }
    write_atomic(path / "network.safetensors", safetensors_bytes(weights))


@contextmanager
def keeping_best(
    state: "TrainState",
    folder: RunFolder | None = None,
    save: Save | None = None,
    *,
    told: str = "",
) -> Iterator[None]:
    """Keep the best weights of a training that fails after an epoch, and say where.

    One that is interrupted stays where it is: its checkpoint goes on from there.

    Args:
        state: Of what is trained.
        folder: Of the run, held by this process; None keeps everything in memory.
        save: Writes the network of the state, as it is then, into the folder's model.
        told: What to call the network, where the person has it in hand.

    Raises:
        TorchsmithError: Training failed; says where the best weights are, too.
    """
    try:
        yield
    except Interrupted:
        raise
    except Exception as error:
        if not (kept := keep_best_of_failed(state, folder, save, told=told)):
            raise
        if isinstance(error, TorchsmithError):
            raise type(error)(f"{error}; {kept}") from error
        error.add_note(kept)
        raise


def keep_best_of_failed(
    state: "TrainState",
    folder: RunFolder | None = None,
    save: Save | None = None,
    *,
    told: str = "",
) -> str:
    """Give a network its best weights, and save them; say where they are.

    Args:
        state: Of what was trained until it failed.
        folder: As for `keeping_best`.
        save: As for `keeping_best`.
        told: As for `keeping_best`.

    Returns:
        A sentence's end; empty where no epoch was finished with finite weights.
    """
    from torchsmith.train.buffers import set_buffers

    best, places = state.best_weights, []
    trained = (name for name, _ in state.network.named_parameters())
    if not best or not all(best[name].isfinite().all() for name in trained):
        return ""
    with suppress(Exception):  # what has failed may fail here again, and is told
        state.network.load_state_dict(best)
        set_buffers(state.network, state.best_hidden)
        places = [told] if told else []
        if folder is not None and save is not None:
            folder.save_model(save)
            places.append(str(folder.model))
    if not places:
        return ""
    where = " and in ".join(places)
    return f"the best weights, of epoch {state.best_epoch}, are in {where}"
