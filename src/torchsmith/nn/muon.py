"""Muon for the matrices of a network, and AdamW for all else, as one optimizer."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer


class MuonWithAdamW(Optimizer):
    """`torch.optim.Muon` and `torch.optim.AdamW` over the same groups and state.

    Schedules, checkpoints and `zero_grad` see one optimizer, whose first groups are
    Muon's. https://kellerjordan.github.io/posts/muon/

    Args:
        muon: Changes the matrices.
        adamw: Changes the other parameters.
    """

    def __init__(self, muon: Muon, adamw: AdamW) -> None:
        self._muon, self._adamw = muon, adamw
        groups = [*muon.param_groups, *adamw.param_groups]
        # What schedules may look for; each group has its own values already.
        super().__init__(groups, {"momentum": muon.defaults["momentum"]})
        self._share()

    def __getstate__(self) -> dict[str, Any]:
        """Give both halves along, as copies need them: PyTorch keeps its own only."""
        return {**super().__getstate__(), "_muon": self._muon, "_adamw": self._adamw}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take a loaded state over."""
        super().__setstate__(state)
        self._share()

    def _share(self) -> None:
        count = len(self._muon.param_groups)
        self._muon.param_groups = self.param_groups[:count]
        self._adamw.param_groups = self.param_groups[count:]
        self._muon.state = self._adamw.state = self.state

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Change all parameters once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._muon.step()
        self._adamw.step()
        return loss
