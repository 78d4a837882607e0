"""Whether a script gives the same weights and scores as the run that it is of."""

import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from torchsmith.core.errors import TrainError
from torchsmith.core.files import write_atomic
from torchsmith.core.record import Record
from torchsmith.core.wording import amount
from torchsmith.eject import driver
from torchsmith.eject.code import literal
from torchsmith.eject.notebook import code_of
from torchsmith.eject.script import WEIGHTS

_TOLERANCE = 1e-12  # sums of the same numbers, in another order


class Verification(Record):
    """What the comparison of a script with its run has found.

    Attributes:
        same: Whether all weights are the same, bit for bit, and all scores; of a run by
            the `compiled` engine, whether all scores lie within the run's intervals.
        text: What is the same, or what differs and by how much.
    """

    same: bool
    text: str


def verify(
    script: Path,
    weights: Mapping[str, Tensor],
    scores: Mapping[str, float],
    tell: Callable[[str], None],
    intervals: Mapping[str, tuple[float, float]] | None = None,
) -> Verification:
    """Run a script in a process of its own, and compare what comes out.

    A script is the eager loop. The `compiled` engine rounds differently, and training
    amplifies that: of a run that it trained, scores are compared.

    Args:
        script: The file: a script or a notebook.
        weights: Of the run's network, in order.
        scores: Of the run on its test part.
        tell: Is given each line that the script prints.
        intervals: Of the run's scores, where it was trained by `compiled`; else None.

    Raises:
        TrainError: The script failed; says its last line.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "script.py"
        write_atomic(copy, _code(script, Path(folder)))
        run_driver(driver.__file__, copy, Path(folder), tell)
        found = load_file(Path(folder) / driver.WEIGHTS)
        found_scores = json.loads((Path(folder) / driver.SCORES).read_bytes())
    other_weights = _other_weights(weights, found)
    if intervals is not None and other_weights and not _other_shapes(weights, found):
        return _within(intervals, found_scores, other_weights[0])
    wrong = [*other_weights, *_other_scores(scores, found_scores)]
    if wrong:
        return Verification(same=False, text="; ".join(wrong))
    numbers = sum(tensor.numel() for tensor in weights.values())
    return Verification(
        same=True,
        text=(
            f"the same weights, bit for bit ({amount(len(weights), 'tensor')}, "
            f"{amount(numbers, 'number')}), the same scores"
        ),
    )


def _within(
    intervals: Mapping[str, tuple[float, float]],
    found: Mapping[str, float],
    weights: str,
) -> Verification:
    """Compare scores with the intervals of a run that rounds differently."""
    reason = f"the run was trained by compiled, which rounds differently: {weights}"
    compared = {
        name: value
        for name, value in found.items()
        if name in intervals and all(map(math.isfinite, intervals[name]))
    }
    outside = [
        f"{name} is {value:.4g}, outside of the run's {low:.4g} to {high:.4g}"
        for name, value in compared.items()
        for low, high in [intervals[name]]
        if not low <= value <= high
    ]
    if outside or not compared:
        told = outside or ["there is no score with an interval to compare"]
        return Verification(same=False, text="; ".join([reason, *told]))
    scores = amount(len(compared), "score")
    lie = "lies within its interval" if len(compared) == 1 else "lie within theirs"
    return Verification(same=True, text=f"{reason}; {scores} {lie}")


def _code(script: Path, folder: Path) -> str:
    """Return the script, or the cells of the notebook, saving its weights elsewhere."""
    code = script.read_text("utf-8")
    code = code_of(code) if script.suffix == ".ipynb" else code
    return code.replace(literal(WEIGHTS), literal(str(folder / WEIGHTS)), 1)


def run_driver(
    program: str, script: Path, folder: Path, tell: Callable[[str], None]
) -> None:
    """Run a script in a process of its own, through a program that looks at it.

    Args:
        program: Takes the script and the folder; writes into this what it found.
        script: The file.
        folder: Where the program writes.
        tell: Is given each line that the script prints.

    Raises:
        TrainError: The script failed; says its last line.
    """
    command = [sys.executable, "-P", "-B", program, str(script), str(folder)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
    ) as process:
        if process.stdout is None:
            raise AssertionError(command)
        last = ""
        for line in process.stdout:
            last = line.rstrip() or last
            tell(line.rstrip())
    if process.returncode:
        raise TrainError(f"the script failed when it was run: {last}")


def _other_weights(
    wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> list[str]:
    if len(wanted) != len(found):
        return [f"the script has {len(found)} tensors, the run {len(wanted)}"]
    pairs = list(zip(wanted.items(), sorted(found.items()), strict=True))
    wrong = [
        (name, _distance(ours, theirs))
        for (name, ours), (_, theirs) in pairs
        if not _is_equal(ours, theirs)
    ]
    if not wrong:
        return []
    name, distance = max(wrong, key=lambda item: item[1])
    by = (
        "they have another shape"
        if distance == math.inf
        else f"by up to {distance:.2g}"
    )
    return [f"{len(wrong)} of {len(pairs)} tensors differ, most of all {name}, {by}"]


def _other_shapes(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> bool:
    shapes = [tensor.shape for _, tensor in sorted(found.items())]
    return [tensor.shape for tensor in wanted.values()] != shapes


def _is_equal(ours: Tensor, theirs: Tensor) -> bool:
    """Compare shape, type and values; NaN equals NaN."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    return bool(same.all())


def _distance(ours: Tensor, theirs: Tensor) -> float:
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return math.inf
    return float((ours.double() - theirs.double()).abs().max())


def _other_scores(wanted: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    return [
        f"{name} is {value:.9g}, of the run {wanted[name]:.9g}"
        for name, value in found.items()
        if name in wanted
        and not math.isclose(value, wanted[name], rel_tol=_TOLERANCE, abs_tol=1e-15)
    ]
