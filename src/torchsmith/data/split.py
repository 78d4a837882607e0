"""Splitting examples into train, val and test."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from torchsmith.core.record import Record


class Split(Record):
    """How the examples are divided; the plan's `split` section.

    Attributes:
        test: `given` where the source comes with a test part, else the share to hold out.
        val: `given` where the source comes with a val part, else the share of what is
            not test.
        stratify: Keep the share of each class the same in all parts.
        group: A column whose equal values stay in one part (a person, a device).
        time: A column by which rows are ordered; val and test are the latest.
        seed: Draws the parts.
    """

    test: Literal["given"] | float = Field(default=0.2, gt=0, lt=1)
    val: Literal["given"] | float = Field(default=0.15, gt=0, lt=1)
    stratify: bool = False
    group: str | None = None
    time: str | None = None
    seed: int = Field(default=0, ge=0)


@dataclass(frozen=True)
class Parts:
    """Row numbers of each part, each sorted, none in two parts."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
