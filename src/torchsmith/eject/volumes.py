"""The parts of a script that scale volumes, and that give them out by number."""

import numpy as np

from torchsmith.data.data import Volumes
from torchsmith.data.steps import Standardize, ToFloat
from torchsmith.data.voxels import VolumePreparation
from torchsmith.eject.code import Section, class_source, function, literal, short
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import loss_targets

AXES = (0, 2, 3, 4)
PIECES = 64

_SCALE = function(
    "voxel_scale(voxels)",
    "Return the mean and 1 / standard deviation of each channel.",
    [
        f"mean = voxels.mean(axis={AXES}, dtype=np.float64)",
        "middle = mean[:, None, None, None]",
        "# Piece by piece: all voxels as float64 would take eight times their memory.",
        f"pieces = np.array_split(voxels, {PIECES})",
        f"squares = sum(((piece - middle) ** 2).sum({AXES}) for piece in pieces)",
        "return mean, 1 / np.sqrt(squares / (voxels.size / len(mean)))",
    ],
)


def voxels_section(subject: Subject) -> Section:
    """Write how the scale of voxels is fitted."""
    fitted, values = _known(subject)
    about = "The scale of the voxels is fitted to the training part alone."
    _, steps = loss_targets(subject)
    if not _is_standardized(subject):
        return Section("Prepare", "", "", steps)
    if not _is_the_same(fitted, values[subject.parts.train]):
        pairs = (("voxel_mean", fitted.offset), ("factor", fitted.factor))
        lines = [literal(list(found), 1, f"{name} = ") for name, found in pairs]
        return Section("Prepare", about, "", (*lines, *steps))
    call = "voxel_mean, factor = voxel_scale(voxels[train])"
    return Section("Prepare", about, _SCALE, (call, *steps))


def _known(subject: Subject) -> tuple[VolumePreparation, np.ndarray]:
    fitted, inputs = subject.preparation.volumes, subject.data.inputs
    if fitted is None or not isinstance(inputs, Volumes):
        raise AssertionError(subject.name)
    return fitted, inputs.values


def _is_standardized(subject: Subject) -> bool:
    return any(isinstance(step, Standardize) for step in subject.plan.prepare)


def _is_the_same(fitted: VolumePreparation, voxels: np.ndarray) -> bool:
    """Whether the arithmetic of `_SCALE` gives the run's scale, as float32."""
    mean = voxels.mean(axis=AXES, dtype=np.float64)
    middle = mean[:, None, None, None]
    pieces = np.array_split(voxels, PIECES)
    squares = sum(((piece - middle) ** 2).sum(AXES) for piece in pieces)
    deviation = np.sqrt(squares / (voxels.size / len(mean)))
    if not deviation.all():
        return False
    return np.array_equal(
        np.array([mean, 1 / deviation], np.float32),
        np.array([fitted.offset, fitted.factor], np.float32),
    )


def volumes_section(subject: Subject) -> Section:
    """Write the `Dataset` of volumes, and how the parts become data sets."""
    to = "" if subject.device == "cpu" else ".to(DEVICE)"
    scale = next((s.scale for s in subject.plan.prepare if isinstance(s, ToFloat)), 1.0)
    arguments, init, given = "voxels, targets", [], ""
    scaled = "voxels.float()" + ("" if scale == 1 else f" * (1 / {short(scale)})")
    if _is_standardized(subject):
        arguments, given = "voxels, targets, mean, factor", ", voxel_mean, factor"
        init = [
            f"self.mean = torch.tensor(mean).float()[:, None, None, None]{to}",
            f"self.factor = torch.tensor(factor).float()[:, None, None, None]{to}",
        ]
        scaled = "(voxels.float() - self.mean) * self.factor"
    code = class_source(
        "VolumeSet",
        "Volumes with their targets.\n"
        "Voxels stay as they were read until a batch needs them as scaled numbers.",
        arguments,
        [
            f"self.voxels = torch.from_numpy(voxels){to}",
            f"self.targets = torch.from_numpy(targets){to}",
            *init,
        ],
        [
            "voxels = self.voxels[rows]",
            f"inputs = {scaled}",
            "# Convolutions are faster where the channels of a voxel lie together.",
            "inputs = inputs.contiguous(memory_format=torch.channels_last_3d)",
            "return inputs, self.targets[rows]",
        ],
    )
    targets, _ = loss_targets(subject)
    steps = [
        f"{part}_set = VolumeSet(voxels[{part}], {targets}[{part}]{given})"
        for part in ("train", "val", "test")
    ]
    about = "A `Dataset` gives examples by their numbers."
    return Section("Dataset", about, code, tuple(steps))
