"""Run a script's `main` in a process of its own, and write down what it returns.

    python -P driver.py SCRIPT FOLDER

Weights are written as safetensors, under numbers that keep their order, and scores as
JSON.
"""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from safetensors.torch import save

from torchsmith.core.files import write_atomic

WEIGHTS, SCORES = "weights.safetensors", "scores.json"


def main(script: Path, folder: Path) -> None:
    """Run a script and write its weights and scores into a folder."""
    module = load(script)
    if hasattr(module, "main"):
        network, scores = module.main()
    else:  # the cells of a notebook, one after the other
        network, scores = module.network, module.test_scores
    tensors = {
        f"{place:06} {name}": tensor.detach().cpu().contiguous().clone()
        for place, (name, tensor) in enumerate(network.state_dict().items())
    }
    write_atomic(folder / WEIGHTS, save(tensors))
    write_atomic(folder / SCORES, json.dumps(scores))


def load(script: Path) -> ModuleType:
    """Import a script from its file."""
    spec = importlib.util.spec_from_file_location("ejected", script)
    if spec is None or spec.loader is None:
        raise AssertionError(script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
