"""The random changes of training batches, and of the test part, in a script."""

from collections.abc import Sequence
from typing import assert_never

from torchsmith.eject.code import bracketed, function
from torchsmith.eject.subject import Subject
from torchsmith.eject.volume_changes import volume_call, volume_function
from torchsmith.plan import augment
from torchsmith.plan.augment import Augmentation, VolumeChange


def changes_of(subject: Subject) -> list[str]:
    """Write the functions that change batches of pictures, in training or the test."""
    specs = (*subject.plan.augment, *subject.plan.robustness)
    functions = dict.fromkeys(_function(subject, spec, specs) for spec in specs)
    trained = subject.plan.augment
    return [*functions, *([_augment(trained)] if _have_function(trained) else [])]


def _function(
    subject: Subject, spec: Augmentation, specs: Sequence[Augmentation]
) -> str:
    to = "" if subject.device == "cpu" else ".to(DEVICE)"
    if isinstance(spec, VolumeChange):
        return volume_function(spec, to)
    name = _name_of(spec)
    of_name = (s for s in specs if not isinstance(s, VolumeChange))
    some = any(each.p < 1 for each in of_name if _name_of(each) == name)
    match spec:
        case augment.RandomCrop():
            return _random_crop(to, some=some)
        case augment.RandomAffine():
            return _random_affine(to, some=some)
        case augment.RandomHorizontalFlip() | augment.RandomVerticalFlip():
            return _random_flip(to, some=some)
        case _:
            assert_never(spec)


def _name_of(spec: Augmentation) -> str:
    """Return the function of a change; both ways to mirror have the same."""
    name = spec.spec_name()
    return "random_flip" if name.endswith("Flip") else name


def augment_source(
    spec: Augmentation, inputs: str, before: str = "", depth: int = 0
) -> str:
    """Return the call that changes a batch.

    Args:
        spec: How it is changed.
        inputs: The batch.
        before: What stands before the call on its line: `"return "`.
        depth: How deep that line is indented.
    """
    if isinstance(spec, VolumeChange):
        return before + volume_call(spec, inputs)
    share = [f"p={spec.p!r}"] if spec.p < 1 else []
    match spec:
        case augment.RandomCrop():
            size = spec.size if isinstance(spec.size, tuple) else (spec.size,) * 2
            name, how = "random_crop", [f"{size[0]}", f"{size[1]}"]
        case augment.RandomAffine():
            most = spec.degrees
            degrees = most if isinstance(most, tuple) else (0.0 - most, most)
            name = "random_affine"
            how = [f"{degrees}", f"{spec.translate}", f"{spec.scale}"]
        case augment.RandomHorizontalFlip():
            name, how = "random_flip", ["3"]
        case augment.RandomVerticalFlip():
            name, how = "random_flip", ["2"]
        case _:
            assert_never(spec)
    return bracketed(f"{before}{name}(", [inputs, *how, *share], ")", depth)


def augmented(subject: Subject, inputs: str) -> str:
    """Return the expression of a training batch after all changes."""
    specs = subject.plan.augment
    if _have_function(specs):
        return f"augment({inputs})"
    return augment_source(specs[0], inputs) if specs else inputs


def _have_function(specs: Sequence[Augmentation]) -> bool:
    """Whether the changes of a training batch are too long for one line."""
    return len(specs) > 1 or any(isinstance(s, augment.RandomAffine) for s in specs)


def _augment(specs: Sequence[Augmentation]) -> str:
    lines = [augment_source(s, "inputs", "inputs = ", 1) for s in specs[:-1]]
    lines.append(augment_source(specs[-1], "inputs", "return ", 1))
    about = "Change a training batch at random; the labels stay."
    return function("augment(inputs)", about, lines)


def _random_crop(to: str, *, some: bool) -> str:
    body = [
        "num, _, whole_height, whole_width = pictures.shape",
        "tops = torch.randint(whole_height - height + 1, (num, 1))",
        "lefts = torch.randint(whole_width - width + 1, (num, 1))",
        f"rows = {_moved('tops + torch.arange(height)', to)}  # (N, height)",
        f"columns = {_moved('lefts + torch.arange(width)', to)}  # (N, width)",
        f"numbers = torch.arange(num){to}[:, None, None]",
        "windows = pictures[numbers, :, rows[:, :, None], columns[:, None, :]]",
        bracketed(
            "found = nn.functional.interpolate(",
            [
                "windows.permute(0, 3, 1, 2)",
                "size=(whole_height, whole_width)",
                'mode="bilinear"',
                "antialias=True",
            ],
            ")",
            1,
        ),
    ]
    about = "Cut a random window out of each picture, and resize it back."
    return _change("random_crop", "height, width", about, body, to, some=some)


def _random_affine(to: str, *, some: bool) -> str:
    body = [
        "num, _, height, width = pictures.shape",
        "low, high = degrees",
        "angles = torch.deg2rad(low + (high - low) * torch.rand(num))",
        "low, high = scale",
        "scales = low + (high - low) * torch.rand(num)",
        "shifts = 2 * (2 * torch.rand(num, 2) - 1) * torch.tensor(translate)",
        "cosine, sine = angles.cos() / scales, angles.sin() / scales",
        "across, down = sine * (height / width), sine * (width / height)",
        "right, below = shifts.unbind(1)",
        "first = [cosine, across, -cosine * right - across * below]",
        "second = [-down, cosine, down * right - cosine * below]",
        "sources = torch.stack([torch.stack(first, 1), torch.stack(second, 1)], 1)",
        bracketed(
            "places = nn.functional.affine_grid(",
            [f"sources{to}", "list(pictures.shape)", "align_corners=False"],
            ")",
            1,
        ),
        bracketed(
            "sampled = nn.functional.grid_sample(",
            ["pictures", "places", 'padding_mode="border"', "align_corners=False"],
            ")",
            1,
        ),
        "# Laid out as the pictures are, which decides how convolutions round.",
        "found = torch.empty_like(pictures).copy_(sampled)",
    ]
    about = "Turn, scale and shift each picture around its middle."
    arguments = "degrees, translate, scale"
    return _change("random_affine", arguments, about, body, to, some=some)


def _random_flip(to: str, *, some: bool) -> str:
    body = ["found = pictures.flip(dim)"]
    about = "Mirror each picture; dim 3 is left and right."
    return _change("random_flip", "dim", about, body, to, some=some)


def _change(
    name: str, arguments: str, about: str, body: list[str], to: str, *, some: bool
) -> str:
    """Write a function that changes all pictures, or a share of them."""
    head = f"{name}(pictures, {arguments}"
    if not some:
        return function(f"{head})", about, [*body, "return found"])
    body = [
        *body,
        "if p == 1:\n    return found",
        f"changed = {_moved('torch.rand(len(pictures)) < p', to)}",
        "return torch.where(changed[:, None, None, None], found, pictures)",
    ]
    about = f"{about}\nOf all pictures, a share p is changed."
    return function(f"{head}, p=1.0)", about, body)


def _moved(drawn: str, to: str) -> str:
    return f"({drawn}){to}" if to else drawn
