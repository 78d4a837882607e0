"""The random changes of training batches, and of the test part, in a script."""

from collections.abc import Sequence
from typing import assert_never

from torchsmith.eject.code import bracketed, function
from torchsmith.eject.subject import Subject
from torchsmith.plan import augment
from torchsmith.plan.augment import Augmentation


def changes_of(subject: Subject) -> list[str]:
    """Write the functions that change batches of pictures, in training or the test."""
    specs = (*subject.plan.augment, *subject.plan.robustness)
    return list(dict.fromkeys(_function(subject, spec, specs) for spec in specs))


def _function(
    subject: Subject, spec: Augmentation, specs: Sequence[Augmentation]
) -> str:
    match spec:
        case augment.RandomCrop():
            crops = [s for s in specs if isinstance(s, augment.RandomCrop)]
            to = "" if subject.device == "cpu" else ".to(DEVICE)"
            return _random_crop(to, some=any(crop.p < 1 for crop in crops))
        case _:
            assert_never(spec)


def augment_source(spec: Augmentation, inputs: str) -> str:
    """Return the call that changes a batch."""
    match spec:
        case augment.RandomCrop():
            size = spec.size if isinstance(spec.size, tuple) else (spec.size,) * 2
            share = f", p={spec.p!r}" if spec.p < 1 else ""
            return f"random_crop({inputs}, {size[0]}, {size[1]}{share})"
        case _:
            assert_never(spec)


def augmented(subject: Subject, inputs: str) -> str:
    """Return the expression of a training batch after all changes."""
    for spec in subject.plan.augment:
        inputs = augment_source(spec, inputs)
    return inputs


def _random_crop(to: str, *, some: bool) -> str:
    def moved(drawn: str) -> str:
        return f"({drawn}){to}" if to else drawn

    body = [
        "num, _, whole_height, whole_width = pictures.shape",
        "tops = torch.randint(whole_height - height + 1, (num, 1))",
        "lefts = torch.randint(whole_width - width + 1, (num, 1))",
        f"rows = {moved('tops + torch.arange(height)')}  # (N, height)",
        f"columns = {moved('lefts + torch.arange(width)')}  # (N, width)",
        f"numbers = torch.arange(num){to}[:, None, None]",
        "windows = pictures[numbers, :, rows[:, :, None], columns[:, None, :]]",
        bracketed(
            "resized = nn.functional.interpolate(",
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
    if not some:
        return function(
            "random_crop(pictures, height, width)", about, [*body, "return resized"]
        )
    body += [
        f"changed = {moved('torch.rand(num) < p')}",
        "return torch.where(changed[:, None, None, None], resized, pictures)",
    ]
    head = "random_crop(pictures, height, width, p=1.0)"
    return function(head, f"{about}\nOf all pictures, a share p is changed.", body)
