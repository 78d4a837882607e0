"""Averages of the weights over training, after `torch.optim.swa_utils`.

Source: https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema
"""

from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import Count, Positive


class EMA(Spec):
    """Exponential moving average of the weights, updated after each optimizer step.

    Source: `torch.optim.swa_utils.get_ema_multi_avg_fn`.

    Attributes:
        decay: Share of the average that stays at each step; it looks back on about
            1 / (1 - decay) steps.
    """

    main = "decay"
    decay: float = Field(default=0.999, ge=0, lt=1)


class SWA(Spec):
    """Stochastic weight averaging: the mean of the weights after each late epoch.

    Izmailov et al. (2018), https://arxiv.org/abs/1803.05407

    Attributes:
        start: The share of the planned epochs after which averaging begins.
        swa_lr: With it the late epochs are paced by `torch.optim.swa_utils.SWALR`,
            towards this constant rate, in place of `schedule`.
        anneal_epochs: How long the rate takes to get there.
        anneal_strategy: In which form.
    """

    main = "start"
    start: float = Field(default=0.75, ge=0, lt=1)
    swa_lr: Positive | None = None
    anneal_epochs: Count = 10
    anneal_strategy: Literal["cos", "linear"] = "cos"


Averaging = Annotated[EMA | SWA, OneOf()]
