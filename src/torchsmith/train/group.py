"""Several processes that `torchrun` started, and how they talk to each other.

The first process (rank 0) leads: it alone reads the command, writes the run folder and
decides. What it wants of the others it says as an order, through the key-value store
with which `torchrun` brings processes together; numbers in bulk go through a process
group of torch.distributed, gloo on the CPU and nccl on CUDA.

Source: https://docs.pytorch.org/docs/stable/distributed.html
"""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from time import perf_counter, sleep
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import (  # type: ignore[attr-defined]
    PrefixStore,
    Store,
    TCPStore,
)
from torch.distributed.rendezvous import rendezvous

from torchsmith.core.errors import PlanError, TrainError
from torchsmith.core.processes import Place
from torchsmith.train.session import Stop

TIMEOUT = timedelta(minutes=30)
"""So long a process waits for the others in the midst of a step."""

GRACE = timedelta(seconds=10)
"""So long a process that was told to stop waits for the first, which was told too."""

_POLL_SHARE = 0.05
_POLL_SECONDS = 0.1
_numbers = count()
"""Groups of one process, one after the other, must not hear each other's orders."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Departed(TrainError):  # noqa: N818 -- named as what happened
    """Another process has ended, or no longer answers."""


class Group:
    """The processes of one training, seen from one of them.

    Args:
        place: Which of them this is.
        stop: Knows of Ctrl-C and the like.

    Raises:
        TrainError: The others cannot be reached.
    """

    def __init__(self, place: Place, stop: Stop | None = None) -> None:
        self.place = place
        self.stop = stop or Stop()
        self._orders = 0
        self._joined = False
        with self._talking():
            self._store = PrefixStore(f"group {next(_numbers)}", _open_store(place))

    def say(self, **order: object) -> None:
        """Tell all other processes what to do next; they `hear` it."""
        with self._talking():
            self._store.set(f"order/{self._orders}", json.dumps(order))
        self._orders += 1

    def hear(self) -> dict[str, Any]:
        """Wait, as long as the first process takes, for what it says next.

        Raises:
            Departed: This process was told to end, or the others have.
        """
        order: dict[str, Any] = json.loads(self._get(f"order/{self._orders}"))
        self._orders += 1
        return order

    def answer(self, **answer: object) -> None:
        """Answer the order that was heard last."""
        with self._talking():
            self._store.set(self._answer_of(self.place.rank), json.dumps(answer))

    def answers(self) -> dict[int, dict[str, Any]]:
        """Wait for the answer of each other process to what was said last; by rank.

        Raises:
            Departed: One does not answer within `TIMEOUT`.
        """
        return {
            rank: json.loads(self._get(self._answer_of(rank), TIMEOUT))
            for rank in range(1, self.place.world_size)
        }

    def _answer_of(self, rank: int) -> str:
        return f"answer/{self._orders}/{rank}"

    def tell_failure(self, message: str) -> None:
        """Leave word of what went wrong here, before the others learn that it did."""
        with self._talking():
            self._store.set("failure", f"process {self.place.rank}: {message}")

    def failure(self) -> str:
        """Return what went wrong in another process."""
        return self._get("failure", TIMEOUT).decode()

    def failed(self) -> str:
        """Return what went wrong in another process, if one left word by now."""
        with suppress(Departed), self._talking():
            return self.failure() if self._store.check(["failure"]) else ""
        return ""

    def join(self, device: torch.device) -> None:
        """Open the process group, on which `sum` and `send` work.

        Args:
            device: On which this process computes; of CUDA, the one with its number.

        Raises:
            PlanError: There are fewer GPUs than processes.
            Departed: The others do not join.
        """
        backend = "gloo"
        if device.type == "cuda":
            backend = "cpu:gloo,cuda:nccl"
        elif device.type != "cpu":
            raise PlanError(
                f"training.device: several processes cannot train on {device.type}; "
                "set cpu, or start one process"
            )
        if self.place.local_world_size == self.place.world_size:
            # All are on this machine: nobody else needs to reach them.
            names = {name for _, name in socket.if_nameindex()} & {"lo", "lo0"}
            for name in names:
                os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        with self._talking():
            dist.init_process_group(
                backend,
                store=PrefixStore("numbers", self._store),
                rank=self.place.rank,
                world_size=self.place.world_size,
                timeout=TIMEOUT,
            )
        self._joined = True

    def sum(self, tensor: Tensor) -> None:
        """Add up a tensor over all processes, in place.

        Raises:
            Departed: Another process has ended, or no longer answers.
        """
        with self._talking():
            dist.all_reduce(tensor)

    def send(self, content: bytes | None) -> bytes:
        """Give bytes of the first process to all.

        Args:
            content: In the first process; None in the others.
        """
        size = torch.tensor([len(content or b"")])
        with self._talking():
            dist.broadcast(size, src=0)
            numbers = torch.empty(int(size.item()), dtype=torch.uint8)
            if content:
                numbers.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
            dist.broadcast(numbers, src=0)
        return numbers.numpy().tobytes()

    def leave(self) -> None:
        """Close the process group; what the others do then is their affair."""
        if self._joined:
            self._joined = False
            with suppress(RuntimeError):
                dist.destroy_process_group()

    def _get(self, key: str, limit: timedelta | None = None) -> bytes:
        begin, told = perf_counter(), None
        with self._talking():
            while not self._store.check([key]):
                waited = perf_counter() - begin
                if self.stop.asked and not self.place.is_first:
                    told = waited if told is None else told
                if told is not None and waited - told > GRACE.total_seconds():
                    raise Departed(f"process {self.place.rank} was told to stop")
                if limit is not None and waited > limit.total_seconds():
                    raise Departed(
                        f"waited {waited / 60:.0f} minutes for another process, in "
                        "vain; look at what it does, end all, and start again"
                    )
                # Waiting in the store itself would hold signals up.
                sleep(min(_POLL_SECONDS, waited * _POLL_SHARE))
            content: bytes = self._store.get(key)
            return content

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except (TrainError, PlanError):
            raise
        except RuntimeError as error:  # what torch.distributed raises is one
            raise departed(error) from error


def departed(error: RuntimeError) -> Departed:
    """Say what torch.distributed means by an error: another process is not there."""
    reason = re.sub(r"^\[[^]]*\] *", "", str(error).strip()).partition("\n")[0]
    reason = reason.partition(". ")[0]
    return Departed(f"another process has ended or no longer answers ({reason})")


def use_device(place: Place, name: str) -> None:
    """Make CUDA mean the GPU with this process's number.

    Args:
        place: Which process this is.
        name: As in the plan.

    Raises:
        PlanError: There are fewer GPUs than processes.
    """
    if name not in ("auto", "cuda") or not torch.cuda.is_available():
        return
    num = torch.cuda.device_count()
    if place.local_world_size > num:
        raise PlanError(
            f"torchrun started {place.local_world_size} processes on a machine with "
            f"{num} GPU{'s' * (num > 1)}; start as many as there are GPUs "
            f"(--nproc-per-node {num}), or train on the CPU (--device cpu)"
        )
    torch.cuda.set_device(place.local_rank)


def _open_store(place: Place) -> Store:
    address = os.environ.get("MASTER_ADDR", "")
    hosted = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if hosted or not place.is_first or address not in _LOOPBACK:
        store: Store = next(iter(rendezvous("env://", timeout=TIMEOUT)))[0]
        return store
    # PyTorch would listen on every interface.
    port = int(os.environ["MASTER_PORT"])
    listener = socket.create_server(("127.0.0.1", port))
    return TCPStore(
        "127.0.0.1",
        port,
        place.world_size,
        is_master=True,
        timeout=TIMEOUT,
        master_listen_fd=listener.detach(),
        wait_for_workers=False,
    )
