"""What a fit was begun with, written as `fit.json`: a resumed one must be the same."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from torchsmith.core.errors import TrainError
from torchsmith.core.record import Record
from torchsmith.nn.averaging import Average
from torchsmith.nn.losses import ClassTargets
from torchsmith.plan.plan import Training
from torchsmith.train.attributes import is_torchs
from torchsmith.train.batches import Batches, TensorBatches, epoch_order
from torchsmith.train.loop import Job
from torchsmith.train.state import TrainState

FIRST_ROWS = "first rows"
INTERVAL = "schedule.interval"

OF_THE_MACHINE = ("params", "param_names", "foreach", "fused", "capturable")
"""Of a group of parameters: how it is computed, which a checkpoint restores."""

OF_THE_MOMENT = ("last_epoch", "best", "num_bad_epochs", "cooldown_counter")
"""Of a schedule: where it is."""


class FitRecord(Record):
    """What identifies a fit.

    Attributes:
        training: Its settings.
        made_of: Examples, loss, optimizer, schedule, averaging and stopping by name;
            what belongs to one of them as `optimizer.lr`. Empty in older runs.
    """

    training: Training
    made_of: dict[str, JsonValue] = {}

    @classmethod
    def of(cls, job: Job, state: TrainState) -> "FitRecord":
        """Describe a fit that has not begun, or is given again."""
        made_of: dict[str, Any] = {
            **_of_examples("train", job.train, job),
            **_of_examples("val", job.val, job),
            **_of_loss(job.loss),
            **_of_optimizer(state.optimizer),
            **_of_schedule(state),
            **_of_average(state.average),
            **{f"stopping.{k}": v for k, v in dict(job.stopping).items()},
        }
        record = cls(training=job.training, made_of=made_of)
        # As it will be read, since JSON knows fewer types.
        return cls.model_validate_json(record.model_dump_json())

    @classmethod
    def read(cls, path: Path) -> "FitRecord":
        """Read `fit.json`, which in older runs holds the settings alone.

        Raises:
            TrainError: It is damaged.
        """
        try:
            found = json.loads(path.read_bytes())
            return cls.model_validate(
                found if "training" in found else {"training": found}
            )
        except (ValueError, TypeError) as error:
            raise TrainError(
                f"{path}: is damaged ({str(error).splitlines()[0]}); restore it from a "
                "copy, or begin a new run"
            ) from error

    def told_against(self, now: "FitRecord") -> list[str]:
        """Say what was other than it is now; nothing where all agree."""
        # How many workers there are changes no result, and may be why it stopped.
        was_set, now_set = (
            each.training.model_dump(exclude={"num_workers"}) for each in (self, now)
        )
        told = _differing(was_set, now_set)
        if not self.made_of:
            return told
        # Which rows are the first depends on both: of others nothing is known.
        same_rows = all(was_set[key] == now_set[key] for key in ("batch_size", "seed"))
        was, now_is = (
            {
                key: value
                for key, value in each.made_of.items()
                if (same_rows or not key.endswith(f".{FIRST_ROWS}"))
                # Older versions did not write it.
                and (key != INTERVAL or key in self.made_of)
            }
            for each in (self, now)
        )
        return told + _differing(was, now_is)


def _differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    told = []
    changed = {key for key in (*was, *now) if was.get(key) != now.get(key)}
    if "schedule" in changed:  # which sets rates and momentum
        changed = {key for key in changed if not key.startswith("optimizer.")}
    for key in dict.fromkeys([*was, *now]):
        whole, _, rest = key.partition(".")
        # Of another optimizer it says nothing that all that belongs to it is other.
        if key not in changed or (rest and whole in changed):
            continue
        told.append(
            f"other examples in {whole}"
            if rest == FIRST_ROWS
            else f"{key}={was.get(key)!r}, not {now.get(key)!r}"
        )
    return told


def _named(what: str, name: object, values: Mapping[str, Any]) -> dict[str, Any]:
    return {what: name, **{f"{what}.{key}": value for key, value in values.items()}}


def _of_examples(part: str, batches: Batches | None, job: Job) -> dict[str, Any]:
    """Count the examples; of tensors the first batch of training is compared, too."""
    if batches is None:
        return {part: None}
    seen = {}
    if isinstance(batches, TensorBatches):  # a person's `Dataset` may draw at random
        order = epoch_order(len(batches), job.training.seed, 0)
        rows = batches.take(order[: job.training.batch_size])
        seen = {FIRST_ROWS: _digest(rows)}
    return _named(part, f"{len(batches)} examples", seen)


def _digest(tensors: tuple[Tensor, ...]) -> str:
    found = hashlib.blake2b(digest_size=8)
    for tensor in tensors:
        found.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _of_loss(loss: object) -> dict[str, Any]:
    loss = loss.loss if isinstance(loss, ClassTargets) else loss
    name = getattr(loss, "__name__", type(loss).__name__)
    if not isinstance(loss, nn.Module) or not is_torchs(loss):
        return {"loss": name}
    weights = {key: buffer.tolist() for key, buffer in loss.named_buffers()}
    return _named("loss", name, {**_settings(loss, ("training",)), **weights})


def _of_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    groups = [_of_group(group) for group in optimizer.param_groups]
    if len(groups) == 1:
        return _named("optimizer", type(optimizer).__name__, groups[0])
    numbered = {
        f"groups.{place}.{key}": value
        for place, group in enumerate(groups)
        for key, value in group.items()
    }
    return _named("optimizer", type(optimizer).__name__, numbered)


def _of_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a person chose, where a schedule may have changed it since."""
    chosen = {key: group[key] for key in group if key not in OF_THE_MACHINE}
    chosen["lr"] = chosen.pop("initial_lr", chosen.get("lr"))
    if "max_momentum" in chosen:
        chosen = {k: v for k, v in chosen.items() if k not in ("momentum", "betas")}
    return {key: _plain(value) for key, value in chosen.items()}


def _of_average(average: Average | None) -> dict[str, Any]:
    if average is None:
        return {"averaging": None}
    return _named("averaging", average.spec.spec_name(), dict(average.spec))


def _of_schedule(state: TrainState) -> dict[str, Any]:
    schedule = state.schedule
    if schedule is None:
        return {"schedule": None}
    settings = _settings(schedule, OF_THE_MOMENT) if is_torchs(schedule) else {}
    settings["interval"] = state.interval
    return _named("schedule", type(schedule).__name__, settings)


def _settings(value: object, without: tuple[str, ...]) -> dict[str, Any]:
    return {
        key: each
        for key, each in vars(value).items()
        if isinstance(each, int | float | str)
        and not key.startswith(("_", "T_cur", "T_i"))
        and key not in without
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 -- what an optimizer takes
    """Return numbers and texts as they are; of anything else, what it is."""
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, int | float | str):
        return value
    return type(value).__name__
