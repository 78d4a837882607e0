"""Initial weights under the names, arguments and defaults of `torch.nn.init`.

Source: https://docs.pytorch.org/docs/stable/nn.init.html
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from torchsmith.core.spec import OneOf, Spec
from torchsmith.plan.numbers import Count, NotNegative, Positive

Fan = Literal["fan_in", "fan_out"]
Nonlinearity = Literal[
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "selu",
]


class Initialiser(Spec):
    """A function of `torch.nn.init`, and the parameters that it fills.

    Attributes:
        params: A pattern of parameter names, such as `"*.bias"` (`*` any characters,
            `?` one, `[ab]` one of these). Left out, all parameters that are called
            `weight` and have at least two dimensions: not those of normalisation.
    """

    params: str | None = None

    @classmethod
    def spec_name(cls) -> str:
        """Return PyTorch's name: `KaimingNormal` is `kaiming_normal_`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower() + "_"


class Uniform(Initialiser):
    """`torch.nn.init.uniform_`: between `a` and `b`."""

    a: float = 0.0
    b: float = 1.0


class Normal(Initialiser):
    """`torch.nn.init.normal_`."""

    mean: float = 0.0
    std: NotNegative = 1.0


class Constant(Initialiser):
    """`torch.nn.init.constant_`."""

    main = "val"
    val: float


class Ones(Initialiser):
    """`torch.nn.init.ones_`."""


class Zeros(Initialiser):
    """`torch.nn.init.zeros_`."""


class Eye(Initialiser):
    """`torch.nn.init.eye_`: the identity, for matrices."""


class Dirac(Initialiser):
    """`torch.nn.init.dirac_`: convolutions that pass their input on."""

    groups: Count = 1


class XavierUniform(Initialiser):
    """`torch.nn.init.xavier_uniform_`: Glorot and Bengio (2010)."""

    gain: Positive = 1.0


class XavierNormal(Initialiser):
    """`torch.nn.init.xavier_normal_`: Glorot and Bengio (2010)."""

    gain: Positive = 1.0


class KaimingUniform(Initialiser):
    """`torch.nn.init.kaiming_uniform_`: He et al. (2015).

    Attributes:
        a: Slope of `leaky_relu` below 0.
        mode: What keeps its variance: outputs (`fan_in`) or gradients (`fan_out`).
        nonlinearity: What follows the layer.
    """

    a: float = 0.0
    mode: Fan = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"


class KaimingNormal(Initialiser):
    """`torch.nn.init.kaiming_normal_`: He et al. (2015).

    Attributes:
        a: Slope of `leaky_relu` below 0.
        mode: What keeps its variance: outputs (`fan_in`) or gradients (`fan_out`).
        nonlinearity: What follows the layer.
    """

    a: float = 0.0
    mode: Fan = "fan_in"
    nonlinearity: Nonlinearity = "leaky_relu"


class TruncNormal(Initialiser):
    """`torch.nn.init.trunc_normal_`: a normal distribution between `a` and `b`."""

    mean: float = 0.0
    std: Positive = 1.0
    a: float = -2.0
    b: float = 2.0


class Orthogonal(Initialiser):
    """`torch.nn.init.orthogonal_`: Saxe et al. (2013)."""

    gain: Positive = 1.0


class Sparse(Initialiser):
    """`torch.nn.init.sparse_`: a share of each column is 0, for matrices."""

    main = "sparsity"
    sparsity: float = Field(ge=0, le=1)
    std: Positive = 0.01


Init = Annotated[
    Uniform
    | Normal
    | Constant
    | Ones
    | Zeros
    | Eye
    | Dirac
    | XavierUniform
    | XavierNormal
    | KaimingUniform
    | KaimingNormal
    | TruncNormal
    | Orthogonal
    | Sparse,
    OneOf(),
]


def init_problems(init: tuple[Init, ...]) -> Iterator[tuple[str, str]]:
    """Yield dotted path and text of what cannot work."""
    for place, spec in enumerate(init):
        if isinstance(spec, Uniform | TruncNormal) and spec.a >= spec.b:
            yield f"init.{place}", f"a ({spec.a:g}) must be less than b ({spec.b:g})"
        if isinstance(spec, TruncNormal) and not (
            spec.a - 2 * spec.std <= spec.mean <= spec.b + 2 * spec.std
        ):
            yield (
                f"init.{place}",
                f"mean {spec.mean:g} is more than 2 std outside {spec.a:g} to "
                f"{spec.b:g}, where PyTorch does not draw well",
            )
