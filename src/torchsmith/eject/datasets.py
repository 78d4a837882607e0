"""The part of a script with its `Dataset`, and the three parts as data sets."""

from typing import assert_never

from torchsmith.core.vocabulary import NOUNS
from torchsmith.data.data import Images
from torchsmith.data.pixels import MAX_FITTED
from torchsmith.data.steps import Standardize, ToFloat
from torchsmith.eject.code import Section, class_source, function, literal, short
from torchsmith.eject.network import uses_channels_last
from torchsmith.eject.subject import Subject
from torchsmith.eject.targets import loss_targets
from torchsmith.eject.volumes import volumes_section


def dataset_section(subject: Subject) -> Section:
    """Write the `Dataset` class, and how the parts become data sets."""
    match subject.data.kind:
        case "table":
            return _prepared(subject, "Rows", "Rows of the table")
        case "images":
            return _pictures(subject)
        case "volumes":
            return volumes_section(subject)
        case "sequences":
            return _prepared(subject, "SequenceSet", "Sequences")
        case _:
            assert_never(subject.data.kind)


def pixels_section(subject: Subject) -> Section:
    """Write how the scale of pixels is fitted."""
    images, inputs = subject.preparation.images, subject.data.inputs
    if images is None or not isinstance(inputs, Images):
        raise AssertionError(subject.name)
    about = "The scale of the pixels is fitted to the training part alone."
    _, steps = loss_targets(subject)
    if not _is_standardized(subject):
        return Section("Prepare", "", "", steps)
    axes = "axis=(0, 2, 3)"
    if images.dtype == "float32":
        axes += ", dtype=np.float64"
    if _is_flat(subject) or len(inputs.files) > MAX_FITTED:
        pairs = (("mean", images.offset), ("factor", images.factor))
        lines = [literal(list(values), 1, f"{name} = ") for name, values in pairs]
        return Section("Prepare", about, "", (*lines, *steps))
    code = function(
        "pixel_scale(pixels)",
        "Return the mean and 1 / standard deviation of each channel.",
        [f"return pixels.mean({axes}), 1 / pixels.std({axes})"],
    )
    call = "mean, factor = pixel_scale(pixels[train])"
    if not subject.classes:
        call = call.replace("mean,", "pixel_mean,")
    return Section("Prepare", about, code, (call, *steps))


def _is_standardized(subject: Subject) -> bool:
    return any(isinstance(step, Standardize) for step in subject.plan.prepare)


def _is_flat(subject: Subject) -> bool:
    """Whether a channel is the same everywhere, which then keeps its scale."""
    images = subject.preparation.images
    scale = next((s.scale for s in subject.plan.prepare if isinstance(s, ToFloat)), 1.0)
    return images is not None and 1 / scale in images.factor


def _device(subject: Subject) -> str:
    return "" if subject.device == "cpu" else ".to(DEVICE)"


def _prepared(subject: Subject, name: str, about: str) -> Section:
    """Write a `Dataset` of inputs that are prepared already."""
    to = _device(subject)
    code = class_source(
        name,
        f"{about} with their targets.\n"
        f"Many {NOUNS[subject.data.kind]}s can be taken at once, which is much faster "
        "than one by one.",
        "inputs, targets",
        [
            f"self.inputs = torch.from_numpy(inputs){to}",
            f"self.targets = torch.from_numpy(targets){to}",
        ],
        ["return self.inputs[rows], self.targets[rows]"],
    )
    targets, _ = loss_targets(subject)
    steps = [
        f"{part}_set = {name}(inputs[{part}], {targets}[{part}])"
        for part in ("train", "val", "test")
    ]
    if subject.plan.split.num_folds:
        steps[:2] = [
            "# The last column says which network leaves the row out.",
            "folded = np.column_stack([inputs[train], folds.astype(np.float32)])",
            f"train_set = {name}(folded, {targets}[train])",
            "val_set = train_set",
        ]
    about = "A `Dataset` gives examples by their numbers."
    return Section("Dataset", about, code, tuple(steps))


def _pixel_lines(subject: Subject, to: str) -> list[str]:
    if not (uses_channels_last(subject) or subject.plan.augment):
        return [f"self.pixels = torch.from_numpy(pixels){to}"]
    return [
        f"pixels = torch.from_numpy(pixels){to}",
        "# Convolutions are faster where the channels of a pixel lie together.",
        "self.pixels = pixels.contiguous(memory_format=torch.channels_last)",
    ]


def _pictures(subject: Subject) -> Section:
    scale = next((s.scale for s in subject.plan.prepare if isinstance(s, ToFloat)), 1.0)
    to = _device(subject)
    arguments, init, extra = "pixels, targets", [], ""
    if _is_standardized(subject):
        arguments, extra = "pixels, targets, mean, factor", ", mean, factor"
        if not subject.classes:
            extra = ", pixel_mean, factor"
        init = [
            f"self.mean = torch.tensor(mean).float()[:, None, None]{to}",
            f"self.factor = torch.tensor(factor).float()[:, None, None]{to}",
        ]
        scaled = "(pixels.float() - self.mean) * self.factor"
    else:
        scaled = "pixels.float()" + ("" if scale == 1 else f" * (1 / {short(scale)})")
    code = class_source(
        "Pictures",
        "Pictures with their targets.\n"
        "Pixels stay as they were read until a batch needs them as scaled numbers.",
        arguments,
        [
            *_pixel_lines(subject, to),
            f"self.targets = torch.from_numpy(targets){to}",
            *init,
        ],
        [
            "pixels = self.pixels[rows]",
            f"return {scaled}, self.targets[rows]",
        ],
    )
    targets, _ = loss_targets(subject)
    steps = [
        f"{part}_set = Pictures(pixels[{part}], {targets}[{part}]{extra})"
        for part in ("train", "val", "test")
    ]
    return Section(
        "Dataset",
        "A `Dataset` gives examples by their numbers.",
        code,
        tuple(steps),
    )
