"""Two processes, as `torchrun` starts them."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SECONDS = 300


def torchrun(folder, *command):
    """Start a module in two processes, which listen on the loopback interface only.

    Args:
        folder: Where the command begins, and may leave files.
        command: The module and its arguments.
    """
    environment = os.environ | {
        # The processes make their own store, on the loopback interface; that of
        # torchrun listens on all.
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)]),
    }
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
            *("--rdzv-backend=c10d", "--rdzv-conf=store_type=file"),
            f"--rdzv-endpoint={folder / 'rendezvous'}",
            *("--local-addr=localhost", "-m", *map(str, command)),
        ],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
