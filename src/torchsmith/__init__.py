"""From data to a trained, measured, explained PyTorch network.

```
import torchsmith as ts

plan = ts.plan("housing.csv", target="median_house_value")
run = ts.train(plan)
print(run.evaluation.verdict)
run.predict("new.csv").write("predictions.csv")
```
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from torchsmith.core.rounding import round_alike

if TYPE_CHECKING:
    from torchsmith.api import (
        Run,
        compare,
        doctor,
        evaluate,
        explain,
        inspect,
        load,
        load_run,
        plan,
        predict,
        train,
    )
    from torchsmith.api.estimators import Classifier, Regressor
    from torchsmith.api.fitting import fit
    from torchsmith.core.errors import (
        DataError,
        Interrupted,
        PlanError,
        TorchsmithError,
        TrainError,
    )
    from torchsmith.plan.plan import Plan

__all__ = [
    "Classifier",
    "DataError",
    "Interrupted",
    "Plan",
    "PlanError",
    "Regressor",
    "Run",
    "TorchsmithError",
    "TrainError",
    "compare",
    "doctor",
    "evaluate",
    "explain",
    "fit",
    "inspect",
    "load",
    "load_run",
    "plan",
    "predict",
    "train",
]

_ELSEWHERE = {
    "DataError": "torchsmith.core.errors",
    "Interrupted": "torchsmith.core.errors",
    "PlanError": "torchsmith.core.errors",
    "TorchsmithError": "torchsmith.core.errors",
    "TrainError": "torchsmith.core.errors",
    "Plan": "torchsmith.plan.plan",
    "Classifier": "torchsmith.api.estimators",
    "Regressor": "torchsmith.api.estimators",
    "fit": "torchsmith.api.fitting",
}


class _Public:
    """A public name that is imported when it is first used: torch takes seconds.

    A module's `__getattr__` would do, were there not packages of the same names:
    importing `torchsmith.plan.layers` sets `torchsmith.plan` to the package. This keeps
    `torchsmith.plan` the function, whatever was imported before.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, module: ModuleType | None, owner: type) -> Any:  # noqa: ANN401
        return getattr(
            import_module(_ELSEWHERE.get(self.name, "torchsmith.api")), self.name
        )

    def __set__(self, module: ModuleType, value: object) -> None:
        """Take no notice: the import system sets a package of this name."""


class _Torchsmith(ModuleType):
    """This module, with its public names."""

    def __dir__(self) -> list[str]:
        return sorted(__all__)


round_alike()
for _name in __all__:
    setattr(_Torchsmith, _name, _Public(_name))
sys.modules[__name__].__class__ = _Torchsmith
