"""The errors that Torchsmith raises on purpose, each with an exit code.

```
TorchsmithError (1)
├── DataError (2)    the data cannot be used as asked; also a ValueError
├── PlanError (2)    the plan cannot be carried out; also a ValueError
├── TrainError (1)   training or a run folder failed; also a RuntimeError
│   └── Diverged     the loss is no longer a finite number
└── Interrupted (130)  stopped by Ctrl-C or SIGTERM, everything saved
```

A message says what is wrong, the value, what is allowed, and what to do.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class TorchsmithError(Exception):
    """Root of all errors that Torchsmith raises on purpose."""

    exit_code = 1


class DataError(TorchsmithError, ValueError):
    """The data cannot be used as asked."""

    exit_code = 2


class PlanError(TorchsmithError, ValueError):
    """The plan cannot be carried out."""

    exit_code = 2


class TrainError(TorchsmithError, RuntimeError):
    """Training failed, or a run folder cannot be used."""


class Diverged(TrainError):  # noqa: N818 -- named as what happened
    """The loss is no longer a finite number."""


class Interrupted(TorchsmithError):  # noqa: N818 -- nothing went wrong
    """Training was stopped by the person; everything is saved."""

    exit_code = 130


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Suggest close names, as the end of an error message.

    >>> nearest("Adm", ["Adam", "SGD"])
    "; did you mean 'Adam'?"
    >>> nearest("zzz", ["Adam", "SGD"])
    ''
    """
    return did_you_mean(near_names(name, allowed))


def did_you_mean(names: Sequence[str]) -> str:
    """Suggest these names, as the end of an error message; empty where there are none.

    >>> did_you_mean(["Adam", "AdamW"])
    "; did you mean 'Adam' or 'AdamW'?"
    """
    return f"; did you mean {either(names)}?" if names else ""


def either(names: Sequence[str]) -> str:
    """Join names in quotes, of which one is meant: `'Adam' or 'AdamW'`."""
    return " or ".join(f"'{name}'" for name in names)


def near_names(name: str, allowed: Iterable[str]) -> list[str]:
    """Return at most two close names, the closest first.

    >>> near_names("Adm", ["Adam", "SGD"])
    ['Adam']
    """
    by_lower = {candidate.lower(): candidate for candidate in allowed}
    matches = get_close_matches(name.lower(), by_lower, n=2, cutoff=0.6)
    return [by_lower[match] for match in matches]
