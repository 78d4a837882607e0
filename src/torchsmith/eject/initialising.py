"""The part of a script that fills the weights at the start."""

from typing import assert_never

from torch import nn

from torchsmith.eject.code import Raw, block, call
from torchsmith.eject.learning import own_arguments
from torchsmith.eject.parameters import condition
from torchsmith.eject.subject import Subject
from torchsmith.plan import init
from torchsmith.plan.init import Init


def init_lines(subject: Subject) -> list[str]:
    """Return the statements that fill initial weights, as the plan's `init` says."""
    specs = subject.plan.init
    if not specs:
        return []
    return [
        'torch.manual_seed(seed_for("initialisers"))',
        *(_fill(subject, spec) for spec in specs),
    ]


def _fill(subject: Subject, spec: Init) -> str:
    test = '"weight" in name and parameter.ndim >= 2'
    if spec.params is not None:
        test = condition(subject, spec.params)
    return block(
        "for name, parameter in network.named_parameters():",
        [block(f"if {test}:", [_call(spec)])],
    )


def _call(spec: Init) -> str:
    match spec:
        case (
            init.Uniform()
            | init.Normal()
            | init.Constant()
            | init.Ones()
            | init.Zeros()
            | init.Eye()
            | init.Dirac()
            | init.XavierUniform()
            | init.XavierNormal()
            | init.KaimingUniform()
            | init.KaimingNormal()
            | init.TruncNormal()
            | init.Orthogonal()
            | init.Sparse()
        ):
            arguments = dict(spec)
            del arguments["params"]
            name = spec.spec_name()
            own = own_arguments(getattr(nn.init, name), arguments)
            return call(f"nn.init.{name}", {"0": Raw("parameter"), **own}, 3)
        case _:
            assert_never(spec)
