"""Optimizers under their PyTorch names, arguments and defaults.

Source: https://docs.pytorch.org/docs/stable/optim.html
"""

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
)
from pydantic_core import InitErrorDetails

from torchsmith.core.record import Record
from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import Momentum, NotNegative, Positive

Betas = tuple[Momentum, Momentum]
Coefficients = tuple[float, float, float]
Steps = Annotated[int, Field(ge=1, lt=100)]
AdjustLR = Literal["original", "match_rms_adamw"]


class Group(Record):
    """Parameters that have arguments of their own; the others are the optimizer's.

    Attributes:
        params: A pattern of parameter names, such as `*.bias` or `0.*`.
    """

    params: str
    lr: Positive | None = None
    weight_decay: NotNegative | None = None
    momentum: Momentum | None = None
    dampening: NotNegative | None = None
    nesterov: bool | None = None
    betas: Betas | None = None
    eps: Positive | None = None
    amsgrad: bool | None = None
    alpha: Momentum | None = None
    centered: bool | None = None
    lr_decay: NotNegative | None = None
    rho: Momentum | None = None
    momentum_decay: NotNegative | None = None
    decoupled_weight_decay: bool | None = None
    ns_coefficients: Coefficients | None = None
    ns_steps: Steps | None = None
    adjust_lr_fn: AdjustLR | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that the group has of its own."""
        own = {name: value for name, value in self if value is not None}
        del own["params"]
        return own

    @model_serializer(mode="wrap")
    def _chosen(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {k: v for k, v in handler(self).items() if v is not None}


Groups = tuple[Group, ...]


class OptimizerSpec(Spec):
    """What all optimizers share: groups of parameters with arguments of their own."""

    @field_validator("groups", check_fields=False)
    @classmethod
    def _own_arguments(cls, groups: Groups) -> Groups:
        """Refuse arguments that this optimizer does not have, each at its place."""
        allowed = [name for name in cls.model_fields if name in Group.model_fields]
        wrong = [
            InitErrorDetails(
                type="value_error",
                loc=(place, name),
                input=value,
                ctx={
                    "error": ValueError(
                        f"{cls.spec_name()} has no argument '{name}' for a group; "
                        f"it has {', '.join(allowed)}"
                    )
                },
            )
            for place, group in enumerate(groups)
            for name, value in group.arguments.items()
            if name not in allowed
        ]
        if wrong:
            raise ValidationError.from_exception_data(cls.spec_name(), wrong)
        return groups

    @property
    def arguments(self) -> dict[str, Any]:
        """PyTorch's arguments, for all parameters that no group changes."""
        return {name: value for name, value in self if name not in ("groups", "others")}

    @property
    def has_momentum(self) -> bool:
        """Whether there is a momentum that `OneCycleLR` can cycle."""
        arguments = self.arguments
        return "betas" in arguments or arguments.get("momentum", 0) > 0


class SGD(OptimizerSpec):
    """`torch.optim.SGD`."""

    lr: Positive = 1e-3
    momentum: Momentum = 0.0
    dampening: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False
    groups: Groups = ()


class Adam(OptimizerSpec):
    """`torch.optim.Adam`."""

    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: bool = False
    groups: Groups = ()


class AdamW(OptimizerSpec):
    """`torch.optim.AdamW`."""

    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 1e-2
    amsgrad: bool = False
    groups: Groups = ()


class RMSprop(OptimizerSpec):
    """`torch.optim.RMSprop`."""

    lr: Positive = 1e-2
    alpha: Momentum = 0.99
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    momentum: Momentum = 0.0
    centered: bool = False
    groups: Groups = ()


class Adagrad(OptimizerSpec):
    """`torch.optim.Adagrad`."""

    lr: Positive = 1e-2
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    initial_accumulator_value: NotNegative = 0.0
    eps: Positive = 1e-10
    groups: Groups = ()


class Adadelta(OptimizerSpec):
    """`torch.optim.Adadelta`."""

    lr: Positive = 1.0
    rho: Momentum = 0.9
    eps: Positive = 1e-6
    weight_decay: NotNegative = 0.0
    groups: Groups = ()


class NAdam(OptimizerSpec):
    """`torch.optim.NAdam`."""

    lr: Positive = 2e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    momentum_decay: NotNegative = 4e-3
    decoupled_weight_decay: bool = False
    groups: Groups = ()


class RAdam(OptimizerSpec):
    """`torch.optim.RAdam`."""

    lr: Positive = 1e-3
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    decoupled_weight_decay: bool = False
    groups: Groups = ()


Others = Annotated[AdamW, OneOf()]


class Muon(OptimizerSpec):
    """`torch.optim.Muon` for matrices, and another optimizer for all else.

    Attributes:
        others: Changes what is no matrix, such as biases and kernels of convolutions.
    """

    lr: Positive = 1e-3
    weight_decay: NotNegative = 0.1
    momentum: Momentum = 0.95
    nesterov: bool = True
    ns_coefficients: Coefficients = (3.4445, -4.775, 2.0315)
    eps: Positive = 1e-7
    ns_steps: Steps = 5
    adjust_lr_fn: AdjustLR | None = None
    groups: Groups = ()
    others: Others = AdamW()


Optimizer = Annotated[
    SGD | Adam | AdamW | RMSprop | Adagrad | Adadelta | NAdam | RAdam | Muon, OneOf()
]
