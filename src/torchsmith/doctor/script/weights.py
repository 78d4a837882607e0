"""Follows weights that a script keeps, reads back, or draws once more."""

from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.doctor.script.facts import Facts, Restored
from torchsmith.doctor.script.places import Place


class Weights:
    """Hears of every `state_dict` and `load_state_dict`.

    Args:
        facts: Where what is seen is noted.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._kept: dict[int, list[tuple[int, Place | None]]] = {}

    def kept(self, module: nn.Module) -> None:
        """Note that the script asks a network for its weights.

        Args:
            module: The network.
        """
        moment = self._facts.num_steps, self._facts.places.here()
        self._kept.setdefault(id(module), []).append(moment)

    def loaded(self, module: nn.Module, state: Any) -> None:
        """Note weights that were read into a network.

        Args:
            module: The network.
            state: That the script read into it.
        """
        facts = self._facts
        facts.loaded.update(id(part) for part in module.modules())
        moments = self._kept.get(id(module), [])
        if _is_own(module, state):
            now = facts.num_steps
            if moments and all(step < now for step, _ in moments):
                step, place = moments[-1]
                back = facts.places.here()
                facts.restored.append(Restored(place, back, now - step))
        elif _is_equal(module, facts.initial.get(id(module))):
            facts.begun_anew[id(module)] = len(facts.calls)


def _is_own(module: nn.Module, state: Any) -> bool:
    """Whether all weights of a state lie where those of the network lie."""
    if not isinstance(state, dict):
        return False
    own = {name: p.data_ptr() for name, p in module.named_parameters() if p.numel()}
    return bool(own) and all(
        isinstance(state.get(name), Tensor) and state[name].data_ptr() == place
        for name, place in own.items()
    )


def _is_equal(module: nn.Module, other: nn.Module | None) -> bool:
    if other is None:
        return False
    pairs = zip(module.parameters(), other.parameters(), strict=False)
    with torch.no_grad():
        return all(first.equal(second) for first, second in pairs)
