"""What was measured: kept part by part, and asked by case, contender and metric."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.scores import interval

KEPT = Path(__file__).parent / "results.json"
OURS = "torchsmith"
LESS_IS_BETTER = frozenset({"rmse", "log_loss", "ece", "ece_floor"})


@dataclass(frozen=True)
class Results:
    """Answers by case, contender and seed.

    Attributes:
        kept: `{"cases": {case: {contender: {seed: answer}}}, "machine": …}`.
    """

    kept: dict[str, Any]

    @classmethod
    def read(cls, path: Path = KEPT) -> "Results":
        """Read what is kept."""
        kept = json.loads(path.read_text()) if path.exists() else {}
        return cls({"cases": {}, **kept})

    def write(self, path: Path = KEPT) -> None:
        """Keep it."""
        path.write_text(json.dumps(self.kept, indent=1, sort_keys=True) + "\n")

    def answers(self, case: str, contender: str = OURS) -> Mapping[str, Any]:
        """Return what was measured, by seed, with what could not be."""
        return self.kept["cases"].get(case, {}).get(contender, {})

    def add(self, case: str, contender: str, seed: int, answer: dict[str, Any]) -> None:
        """Put an answer in its place."""
        seeds = self.kept["cases"].setdefault(case, {}).setdefault(contender, {})
        seeds[str(seed)] = answer

    def values(self, case: str, metric: str, contender: str = OURS) -> dict[int, float]:
        """Return a score by seed."""
        return {
            int(seed): answer["scores"][metric]
            for seed, answer in sorted(self.answers(case, contender).items())
            if metric in answer.get("scores", {})
        }

    def ahead(self, case: str, metric: str, rival: str) -> list[float]:
        """Return by how much the network is better on each split that both had."""
        ours, theirs = self.values(case, metric), self.values(case, metric, rival)
        sign = -1 if metric in LESS_IS_BETTER else 1
        return [sign * (ours[seed] - theirs[seed]) for seed in ours if seed in theirs]

    def best_rival(self, case: str, metric: str, rivals: tuple[str, ...]) -> str | None:
        """Return the rival with the best mean, of those that were measured."""
        ours = set(self.values(case, metric))
        found = {}
        for rival in rivals:
            values = self.values(case, metric, rival)
            if values and ours <= set(values):
                sign = 1 if metric in LESS_IS_BETTER else -1
                found[rival] = sign * interval([*values.values()])[0]
        return min(found, key=found.__getitem__) if found else None
