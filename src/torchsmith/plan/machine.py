"""How fast this machine multiplies matrices, so that a plan can keep to a budget."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Literal

from torchsmith.core.environment import usable_cores

Processor = Literal["cpu", "cuda", "mps"]

SIZE, SIZE_ON_GPU = 384, 4096

SECONDS = 0.1
"""Long enough for a processor to leave its idle clock."""

DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What Linux has beside a GPU of NVIDIA, of AMD, or of Windows below it."""


@dataclass(frozen=True)
class Machine:
    """What a plan must know about the machine.

    Attributes:
        cores: That this process may use.
        gflops: Billions of float32 operations per second in a matrix product: of the
            GPU that will train, or of one core, times the cores.
        device: What will train.
        bfloat16: Whether the processor multiplies matrices of it (AMX), with which
            convolutions take little more than half the time.
    """

    cores: int
    gflops: float
    device: Processor = "cpu"
    bfloat16: bool = False

    def peak(self, threads: int) -> float:
        """Return the operations per second of a GPU, or of so many cores."""
        share = threads / self.cores if self.device == "cpu" else 1
        return self.gflops * share * 1e9


def measure(device: object = "auto") -> Machine:
    """Measure the machine, in a tenth of a second; a GPU once PyTorch is imported.

    Args:
        device: The plan's `training.device`.
    """
    cores = usable_cores()
    if (gpu := find_gpu(device)) != "cpu":
        return Machine(cores, _rounded(gpu_gflops(gpu)), gpu)
    gflops = _rounded(_core_gflops() * cores)
    return Machine(cores, gflops, bfloat16="amx_bf16" in _flags())


def machine_for(settings: Mapping[str, object], machine: Machine) -> Machine:
    """Return the machine without what settings forbid: bfloat16 is not for all losses.

    A loss or a network of the person's own is trained in float32, if they do not say
    otherwise.
    """
    own = not settings.keys().isdisjoint(("loss", "network"))
    if own or settings.get("training.precision") == "float32":
        return replace(machine, bfloat16=False)
    return machine


def find_gpu(device: object) -> Processor:
    """Return what `training.device` will train on; PyTorch is asked where that is open.

    Args:
        device: `auto`, or the name of one; what is not there is the `cpu` here.
    """
    if device == "mps":
        import torch

        return "mps" if torch.backends.mps.is_available() else "cpu"
    # With auto, too, it is CUDA or the CPU, as `choose_device` has it.
    if device not in ("auto", "cuda") or not _may_have_gpu():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _may_have_gpu() -> bool:
    """Find out without PyTorch, which takes seconds to import."""
    driver = any(Path(place).exists() for place in DRIVERS)
    return driver or shutil.which("nvidia-smi") is not None


def gpu_gflops(device: Processor) -> float:
    """Return billions of float32 operations per second in a product on a device."""
    import torch

    left = torch.ones(SIZE_ON_GPU, SIZE_ON_GPU, device=device)
    synchronize = getattr(torch, device).synchronize

    def multiply() -> None:
        left @ left
        synchronize()

    multiply()  # The first one also loads the library.
    return 2 * SIZE_ON_GPU**3 / _fastest(multiply) / 1e9


def _flags() -> list[str]:
    """Return what the first core can do, as Linux names it; nothing elsewhere."""
    with suppress(OSError), open("/proc/cpuinfo") as file:  # noqa: PTH123 -- no file
        for line in file:
            if line.startswith("flags"):
                return line.split()
    return []


def _core_gflops() -> float:
    import numpy as np
    from threadpoolctl import threadpool_limits

    left = np.ones((SIZE, SIZE), np.float32)
    # The best of many on one core: a busy machine slows two threads far more than one.
    with threadpool_limits(1):
        return 2 * SIZE**3 / _fastest(lambda: left @ left) / 1e9


def _fastest(multiply: Callable[[], object]) -> float:
    begin, best = perf_counter(), float("inf")
    while perf_counter() - begin < SECONDS:
        start = perf_counter()
        multiply()
        best = min(best, perf_counter() - start)
    return best


def _rounded(gflops: float) -> float:
    return float(f"{gflops:.3g}")
