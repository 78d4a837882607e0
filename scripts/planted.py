"""Plant known defects, one at a time, and see that the tests notice.

    python scripts/planted.py          all of them, about ten minutes on two cores
    python scripts/planted.py seed     those whose name has "seed" in it

Each defect is planted in a copy of the sources; the tests that should notice are run
against the copy. Exit code 0 when every defect is noticed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Defect(NamedTuple):
    """A defect: in `file`, `right` becomes `wrong`, which `tests` must notice."""

    name: str
    file: str
    right: str
    wrong: str
    tests: str


LOOP = "train/loop.py"
DEFECTS = (
    Defect(
        "zero_grad dropped",
        LOOP,
        "        optimizer.zero_grad()\n",
        "",
        "tests/train/test_loop.py",
    ),
    Defect(
        "seed of the order ignored",
        "train/batches.py",
        'generator(seed, "order", epoch)',
        'generator(0, "order", epoch)',
        "tests/train/test_loop.py",
    ),
    Defect(
        "seed of the initial weights ignored",
        "nn/build.py",
        'derive_seed(seed, "init")',
        'derive_seed(0, "init")',
        "tests/nn/test_build.py",
    ),
    Defect(
        "dropout not reseeded at each step",
        LOOP,
        '        seed_step(job, "step", state.step)\n',
        "",
        "tests/train",
    ),
    Defect(
        "loss summed",
        "nn/losses.py",
        "ClassTargets(nn.MSELoss(**arguments))",
        'ClassTargets(nn.MSELoss(reduction="sum"))',
        "tests/nn/test_losses.py",
    ),
    Defect(
        "(N, 1) broadcast against (N,)",
        LOOP,
        "check_first_batch(network, job.loss, outputs, targets)\n",
        "pass\n",
        "tests/train/test_loop.py",
    ),
    Defect(
        "no eval()",
        LOOP,
        "    network.eval()\n",
        "",
        "tests/train/test_loop.py",
    ),
    Defect(
        "no train()",
        LOOP,
        "    network.train()\n",
        "",
        "tests/train/test_loop.py",
    ),
    Defect(
        "no inference_mode",
        LOOP,
        "torch.no_grad() if job.own_code else torch.inference_mode()",
        "torch.enable_grad()",
        "tests/train/test_loop.py",
    ),
    Defect(
        "schedule by steps never stepped",
        "train/pace.py",
        '    step_schedule(state, "step")\n',
        "",
        "tests/train/test_loop.py",
    ),
    Defect(
        "schedule by epochs never stepped",
        LOOP,
        '    step_schedule(state, "epoch",',
        '    (state, "epoch",',
        "tests/train/test_loop.py",
    ),
    Defect(
        "length of the cycle in epochs",
        "nn/schedules.py",
        'length = epochs if interval_of(spec) == "epoch" else total',
        "length = epochs",
        "tests/train/test_loop.py",
    ),
    Defect(
        "weight_decay ignored",
        "nn/optimizers.py",
        "unmarked(torch.optim.AdamW)(parameters, **arguments",
        "unmarked(torch.optim.AdamW)"
        '(parameters, **(arguments | {"weight_decay": 0.01})',
        "tests/nn/test_optimizers.py",
    ),
    Defect(
        "hidden ignored",
        "nn/members.py",
        "for width in widths:",
        "for width in (8,) * len(widths):",
        "tests/nn/test_build.py",
    ),
    Defect(
        "mean of batch means",
        LOOP,
        "loss.detach() * (1 if job.loss_is_sum else share)\n"
        "            state.loss_weight += share",
        "loss.detach()\n            state.loss_weight += 1",
        "tests/train/test_loop.py",
    ),
    Defect(
        "accumulated batches not weighed",
        LOOP,
        "backward(loss * (len(rows) / num_examples) if is_part else loss)",
        "backward(loss)",
        "tests/train/test_learning.py",
    ),
    Defect(
        "trained weights validated rather than averaged ones",
        LOOP,
        "job, state.scored, job.val, state.epoch",
        "job, state.network, job.val, state.epoch",
        "tests/train/test_learning.py",
    ),
    Defect(
        "mean of batch means in validation",
        LOOP,
        "total += loss * (1 if job.loss_is_sum else share)",
        "total += loss * len(batches) / 2",
        "tests/train/test_loop.py",
    ),
    Defect(
        "preparation fitted on all rows",
        "data/prepare.py",
        "training = data.take(rows)",
        "training = data",
        "tests/data/test_prepare.py",
    ),
    Defect(
        "best weights not restored",
        LOOP,
        "        state.network.load_state_dict(state.best_weights)\n",
        "        pass\n",
        "tests/train/test_loop.py",
    ),
    Defect(
        "gradients not clipped",
        "train/gradients.py",
        "limit = settings.clip_grad_norm\n",
        "limit = torch.inf\n",
        "tests/train/test_loop.py",
    ),
    Defect(
        "momentum of the optimizer lost on resume",
        "train/state.py",
        'tensors[f"optimizer.{index}.{key}"] = value',
        'tensors[f"optimizer.{index}.{key}"] = value * 0 if value.ndim else value',
        "tests/train/test_checkpoints.py",
    ),
    Defect(
        "schedule lost on resume",
        "train/state.py",
        '            _load_schedule(self.schedule, state["schedule"])\n',
        "            pass\n",
        "tests/train/test_checkpoints.py",
    ),
    Defect(
        "average lost on resume",
        "train/state.py",
        'self.average.model.load_state_dict(_part(tensors, "average."))',
        "pass",
        "tests/train/test_learning.py",
    ),
    Defect(
        "running loss lost on resume",
        "train/state.py",
        'self.loss_sum = tensors["loss_sum"]',
        'self.loss_sum = 0 * tensors["loss_sum"]',
        "tests/train/test_checkpoints.py",
    ),
    Defect(
        "hashes of a checkpoint not compared",
        "core/files.py",
        "if sha256_file(file) != digest:",
        "if False:",
        "tests/train/test_checkpoints.py",
    ),
    Defect(
        "a place not rotated",
        "data/tabular.py",
        "np.cos(a) * longitude + np.sin(a) * latitude",
        "np.cos(a) * longitude",
        "tests/data/test_prepare.py",
    ),
    Defect(
        "training batches not augmented",
        LOOP,
        "            inputs = job.augment(inputs)\n",
        "",
        "tests/api/test_augmenting.py",
    ),
    Defect(
        "best weights not restored by an ejected script",
        "eject/loop.py",
        'body.append("network.load_state_dict(best_weights)")',
        "pass",
        "tests/eject/test_eject.py",
    ),
    Defect(
        "gradients by hand without the factor 2",
        "recipes/lessons/sine_cubic.py",
        "slope = 2 * (prediction - y)",
        "slope = prediction - y",
        "tests/recipes/test_lesson.py",
    ),
    Defect(
        "seeds of a study ignored",
        "recipes/study.py",
        'plan.training.model_copy(update={"seed": seed})',
        "plan.training",
        "tests/recipes/test_study.py",
    ),
)


def main(arguments: list[str]) -> int:
    """Plant the defects that are asked for; return the exit code."""
    chosen = [
        d for d in DEFECTS if not arguments or any(a in d.name for a in arguments)
    ]
    missed = [defect.name for defect in chosen if not noticed(defect)]
    print(f"\n{len(chosen) - len(missed)} of {len(chosen)} defects were noticed")
    return 1 if missed else 0


def noticed(defect: Defect) -> bool:
    """Plant one defect and run its tests."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, copy / name)
        shutil.copy(ROOT / "pyproject.toml", copy)
        path = copy / "src" / "torchsmith" / defect.file
        text = path.read_text("utf-8")
        if text.count(defect.right) != 1:
            print(f"STALE    {defect.name}: the text is not in {defect.file} once")
            return False
        path.write_text(text.replace(defect.right, defect.wrong), "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-n0", defect.tests],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy / "src"), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            check=False,
        )
    found = done.returncode == 1
    print(f"{'noticed ' if found else 'MISSED  '} {defect.name}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
