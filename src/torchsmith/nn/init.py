"""From specs to initial weights."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.randomness import seeded
from torchsmith.core.seeds import derive_seed
from torchsmith.plan import init
from torchsmith.plan.init import Init


def initialise(network: nn.Module, specs: Sequence[Init], seed: int) -> None:
    """Fill a network's parameters, in place, in the order of the specs.

    Args:
        network: With the weights that PyTorch gives layers by itself.
        specs: The plan's `init` section.
        seed: Of the plan.

    Raises:
        PlanError: A pattern fits no parameter, or a parameter cannot be filled so.
    """
    with seeded(derive_seed(seed, "initialisers")), torch.no_grad():
        for place, spec in enumerate(specs):
            fill = initialiser(spec)
            where = f"init.{place}: {spec.spec_name()}"
            for name, parameter in matching(network, spec.params, where).items():
                try:
                    fill(parameter)
                except ValueError as error:  # such as dirac_ on a matrix
                    raise PlanError(
                        f"{where} cannot fill {name} of shape "
                        f"{tuple(parameter.shape)} ({error}); choose others with params"
                    ) from error


def matching(
    network: nn.Module, pattern: str | None, where: str = "params"
) -> dict[str, Tensor]:
    """Return the parameters whose names fit a pattern.

    Args:
        network: Is searched.
        pattern: As in file names; None for weights of at least two dimensions.
        where: How to call the pattern in an error.

    Raises:
        PlanError: There are none; names those that there are.
    """
    named = dict(network.named_parameters())
    if pattern is None:
        found: dict[str, Tensor] = {
            name: parameter
            for name, parameter in named.items()
            if "weight" in name.rpartition(".")[2] and parameter.ndim >= 2
        }
    else:
        found = {n: p for n, p in named.items() if fnmatchcase(n, pattern)}
    if not found:
        names = ", ".join(list(named)[:12]) + (", …" if len(named) > 12 else "")
        what = f"params '{pattern}' fits no parameter" if pattern else "finds no weight"
        near = nearest(pattern or "", named)
        raise PlanError(f"{where}: {what}{near or ';'} there are: {names}")
    return found


def initialiser(spec: Init) -> Callable[[Tensor], Any]:
    """Return the function that fills a parameter."""
    arguments = dict(spec)
    del arguments["params"]
    match spec:
        case init.Uniform():
            return partial(nn.init.uniform_, **arguments)
        case init.Normal():
            return partial(nn.init.normal_, **arguments)
        case init.Constant():
            return partial(nn.init.constant_, **arguments)
        case init.Ones():
            return nn.init.ones_
        case init.Zeros():
            return nn.init.zeros_
        case init.Eye():
            return nn.init.eye_
        case init.Dirac():
            return partial(nn.init.dirac_, **arguments)
        case init.XavierUniform():
            return partial(nn.init.xavier_uniform_, **arguments)
        case init.XavierNormal():
            return partial(nn.init.xavier_normal_, **arguments)
        case init.KaimingUniform():
            return partial(nn.init.kaiming_uniform_, **arguments)
        case init.KaimingNormal():
            return partial(nn.init.kaiming_normal_, **arguments)
        case init.TruncNormal():
            return partial(nn.init.trunc_normal_, **arguments)
        case init.Orthogonal():
            return partial(nn.init.orthogonal_, **arguments)
        case init.Sparse():
            return partial(nn.init.sparse_, **arguments)
        case _:
            assert_never(spec)
