"""Hold the ejected script of whole runs to their weights, bit for bit.

    python benchmarks/eject.py                 every default plan and recipe
    python benchmarks/eject.py digits titanic  only these
    python benchmarks/eject.py --epochs 1      all of them, but short

Data is looked for in `TORCHSMITH_DATA`. Whole runs take about an hour; use a quiet
machine. Prints a line for each, and exits with 1 when a script differs from its run.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from torchsmith.recipes.catalogue import NAMES, recipe
from torchsmith.recipes.lesson import Lesson
from torchsmith.recipes.study import Study

DATA = Path(
    os.environ.get("TORCHSMITH_DATA", Path(__file__).parents[2] / "shared/data")
)
TORCHSMITH = [sys.executable, "-c", "from torchsmith.cli.main import main; main()"]
KOREAN = DATA / "korean"
JOBS: dict[str, tuple[str, ...]] = {
    "digits": ("digits",),
    "iris": ("iris",),
    "mnist": ("mnist",),
    "california_housing": ("california_housing",),
    "car_evaluation": ("car_evaluation",),
    "adult": ("adult",),
    "titanic": (str(DATA / "titanic/train.csv"), "--target", "Survived"),
    "housing": (str(DATA / "housing/housing.csv"), "--target", "median_house_value"),
    "catdog": (str(DATA / "catdog"),),
    "crime": (str(KOREAN / "crime_in_seoul.csv"), "--target", "절도 발생"),
    "apartments": (
        str(KOREAN / "jongno_apartment_sales_2010_2019.csv"),
        *("--target", "거래금액"),
    ),
    "temperature": (
        str(KOREAN / "seoul_daily_temperature.csv"),
        *("--target", "평균기온(℃)", "--set", "data.drop_missing_target=true"),
    ),
}
for _name in NAMES:
    if isinstance(_recipe := recipe(_name), Study):
        JOBS[_name] = ("--recipe", _name, "--seed", "0")  # each variant once
    elif not isinstance(_recipe, Lesson):  # whose code is a script already
        JOBS[_name] = ("--recipe", _name)


def main(arguments: list[str]) -> int:
    """Run the jobs and print a line for each; return the exit code."""
    extra: list[str] = []
    if "--epochs" in arguments:
        place = arguments.index("--epochs")
        extra, arguments = arguments[place : place + 2], arguments[:place]
    wrong = 0
    for name in arguments or JOBS:
        with tempfile.TemporaryDirectory() as folder:
            begun = time.monotonic()
            for found in runs_of(name, Path(folder), extra):
                told, same = ejected(found, Path(folder))
                wrong += not same
                seconds = time.monotonic() - begun
                print(f"{name:<22} {seconds:7.1f} s  {told}", flush=True)
    return 1 if wrong else 0


def runs_of(name: str, folder: Path, extra: list[str]) -> list[Path]:
    """Train a job, and return its run, or the runs of a study."""
    command = [*TORCHSMITH, "train", *JOBS[name], "--quiet", *extra]
    subprocess.run(command, cwd=folder, env=environment(), check=True)
    return sorted(plan.parent for plan in folder.glob("runs/**/plan.yaml"))


def ejected(run: Path, folder: Path) -> tuple[str, bool]:
    """Eject a run and verify it; return what was found."""
    command = [*TORCHSMITH, "eject", str(run), "-o", "train.py", "--force", "--verify"]
    done = subprocess.run(
        [*command, "--quiet"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    told = (done.stdout + done.stderr).strip().splitlines()
    return f"{run.name}: {told[-1] if told else 'nothing'}", done.returncode == 0


def environment() -> dict[str, str]:
    """Return the environment with the folder of data."""
    return {**os.environ, "TORCHSMITH_DATA": str(DATA)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
