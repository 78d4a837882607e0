"""Worker processes that prepare batches ahead of time, in the order of one process."""

import multiprocessing
import os
import signal
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.util import Finalize
from time import monotonic
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor

from torchsmith.core.errors import DataError, TorchsmithError, TrainError
from torchsmith.train.items import compute_as_a_worker

AHEAD = 2
"""Batches that each worker may be ahead of training, as in PyTorch's `DataLoader`."""

PATIENCE = 1.0
"""Seconds that workers get to leave by themselves, before they are killed."""

_OUR_ENDS: WeakSet[Connection] = WeakSet()
"""Of the lines to all workers; a forked worker must not keep them open."""

_PARTS_AT_ONCE = 512
"""Tensors that are moved by one system call; Linux and macOS allow 1,024."""

Prepare = Callable[[list[int], int], Any]
"""From the rows of a batch and the epoch to the batch, on the CPU."""


@dataclass
class _Worker:
    """A process, the line to it, and the batch that it is at.

    Attributes:
        number: 0, 1, …
        process: The process.
        line: Both ways.
        rows: What it is preparing; None while it waits.
        place: The place of that batch in the stream.
    """

    number: int
    process: BaseProcess
    line: Connection
    rows: list[int] | None = None
    place: int = -1


class Workers:
    """Processes that prepare batches; which one prepares which makes no difference.

    They start with the first stream, and stay until `close`.

    Args:
        prepare: Makes a batch; it must depend on its arguments alone.
        count: How many processes, at least 1.
        what: What is read, for messages.
    """

    def __init__(self, prepare: Prepare, count: int, what: str) -> None:
        self._prepare = prepare
        self._count = count
        self._what = what
        self._team: list[_Worker] = []
        self._at_exit: Finalize | None = None

    def stream(self, batches: Sequence[Tensor], epoch: int) -> Iterator[Any]:
        """Yield the batch of each of these rows, in this order.

        Raises:
            DataError: An example cannot be read; raised when its batch is due.
            TrainError: A worker died, or cannot be started.
        """
        if any(worker.rows is not None for worker in self._team):
            self.close()  # a stream that was left in its middle has batches under way
        team = self._team or self._start()
        done: dict[int, Any] = {}
        given = 0
        try:
            for place in range(len(batches)):
                while True:
                    last = min(len(batches), place + AHEAD * self._count)
                    for worker in team:
                        if worker.rows is None and given < last:
                            self._ask(worker, batches[given].tolist(), given, epoch)
                            given += 1
                    if place in done:
                        break
                    for worker in _ready(team):
                        done[worker.place] = self._receive(worker)
                batch = done.pop(place)
                if isinstance(batch, _Failure):
                    raise batch.error()
                yield batch
        finally:
            if any(worker.rows is not None for worker in team):
                self.close()

    def close(self) -> None:
        """End the processes; what they are at is thrown away."""
        if self._at_exit is not None:
            self._at_exit()
        self._team, self._at_exit = [], None

    def _start(self) -> list[_Worker]:
        # A fork starts in milliseconds, shares the data set's memory, and takes what
        # cannot be pickled, such as a class of a notebook. It is safe here: the child
        # runs the data set's code alone, and PyTorch in one thread. On other systems
        # than Linux, libraries of the system do not bear a fork.
        default = "fork" if sys.platform == "linux" else "spawn"
        method = multiprocessing.get_start_method(allow_none=True) or default
        context = multiprocessing.get_context(method)
        team: list[_Worker] = []
        self._team, self._at_exit = team, Finalize(self, _stop, (team,), exitpriority=9)
        for number in range(self._count):
            ours, theirs = context.Pipe()
            _OUR_ENDS.add(ours)
            process = context.Process(  # type: ignore[attr-defined]
                target=_work, args=(self._prepare, theirs), daemon=True
            )
            try:
                with warnings.catch_warnings():
                    # Python 3.12 warns of forks beside threads; see above.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    process.start()
            except Exception as error:
                ours.close()
                self.close()
                raise self._not_started(error, method) from error
            finally:
                theirs.close()
            team.append(_Worker(number, process, ours))
        return team

    def _not_started(self, error: Exception, method: str) -> TrainError:
        if isinstance(error, OSError):
            return TrainError(
                f"worker processes cannot be started ({error.strerror or error}); "
                "lower training.num_workers"
            )
        return TrainError(
            f"{self._what} cannot be sent to worker processes, which are started by "
            f"'{method}' ({type(error).__name__}: {error}); define it at the top level "
            "of a module, without open files, locks and lambdas, or set "
            "training.num_workers to 0"
        )

    def _ask(self, worker: _Worker, rows: list[int], place: int, epoch: int) -> None:
        worker.rows, worker.place = rows, place
        try:
            worker.line.send((rows, epoch))
        except OSError as error:
            raise self._ended(worker) from error

    def _receive(self, worker: _Worker) -> Any:  # noqa: ANN401 -- as collated
        try:
            skeleton, shapes = worker.line.recv()
            tensors = [
                torch.empty_strided(*shape[:2], dtype=shape[2]) for shape in shapes
            ]
            _fill(worker.line.fileno(), tensors)
        except (EOFError, OSError) as error:
            raise self._ended(worker) from error
        worker.rows = None
        return _with_tensors(skeleton, tensors)

    def _ended(self, worker: _Worker) -> TrainError:
        worker.process.join(PATIENCE)
        code = worker.process.exitcode
        rows = worker.rows or []
        shown = ", ".join(map(str, rows[:5])) + (", …" if len(rows) > 5 else "")
        where = f"while it read examples {shown} of {self._what}"
        who = f"worker {worker.number} of {self._count}"
        self.close()
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            why = "a library that it calls crashed: read these examples without workers"
            if name == "SIGKILL":
                why = (
                    "most often the machine ran out of memory: lower "
                    "training.num_workers or training.batch_size"
                )
            return TrainError(f"{who} was killed by {name} {where}; {why}")
        return TrainError(
            f"{who} ended with exit code {code} {where}; nothing that a data set calls "
            "may end its process: read these examples with training.num_workers: 0"
        )


def read_ahead(
    prepare: Prepare, batches: Sequence[Tensor], epoch: int
) -> Iterator[Any]:
    """Yield the batch of each of these rows, prepared ahead of time by a thread.

    Enough where batches are mostly read: waiting for a disk needs no core.
    """
    pool = ThreadPoolExecutor(1, "read ahead")
    try:
        under_way: deque[Future[Any]] = deque()
        for place in range(len(batches) + AHEAD):
            if place < len(batches):
                rows = batches[place].tolist()
                under_way.append(pool.submit(prepare, rows, epoch))
            if place >= AHEAD:
                yield under_way.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class _Failure:
    """Why there is no batch, as told by a worker."""

    kind: type[TorchsmithError]
    message: str
    trace: str

    def error(self) -> TorchsmithError:
        """Return what to raise, with the worker's traceback as its cause."""
        error = self.kind(self.message)
        error.__cause__ = _InWorker(f"in a worker process:\n\n{self.trace}")
        return error


class _InWorker(Exception):  # noqa: N818 -- shows a traceback
    """The traceback of another process."""


@dataclass(frozen=True)
class _Place:
    """Stands for a tensor, whose content follows by itself."""

    number: int


def _work(prepare: Prepare, line: Connection) -> None:
    """Prepare batches until there is nobody who asks for them."""
    # Ctrl-C in a terminal, and SIGTERM to a group, reach workers too; but training
    # still finishes its step and saves, and then closes the line.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    compute_as_a_worker()
    # With these closed, the line ends when the parent closes it or dies.
    for end in list(_OUR_ENDS):
        end.close()
    while True:
        try:
            rows, epoch = line.recv()
            tensors: list[Tensor] = []
            skeleton = _answer(prepare, rows, epoch, tensors)
            shapes = [(t.shape, t.stride(), t.dtype) for t in tensors]
            line.send((skeleton, shapes))
            _pour(line.fileno(), tensors)
        except (EOFError, OSError):
            return


def _answer(
    prepare: Prepare, rows: list[int], epoch: int, tensors: list[Tensor]
) -> Any:  # noqa: ANN401
    try:
        return _without_tensors(prepare(rows, epoch), tensors)
    except Exception as error:  # noqa: BLE001 -- the top of a background job
        tensors.clear()
        message = f"{type(error).__name__}: {error}"
        if isinstance(error, TorchsmithError):
            message = str(error)
        kind = DataError if isinstance(error, DataError) else TrainError
        return _Failure(kind, message, traceback.format_exc())


def _ready(team: Sequence[_Worker]) -> list[_Worker]:
    """Wait until workers have finished a batch, or died, and return these."""
    lines = wait([worker.line for worker in team if worker.rows is not None])
    return [worker for worker in team if worker.line in lines]


def _stop(team: list[_Worker]) -> None:
    for worker in team:
        worker.line.close()
    latest = monotonic() + PATIENCE
    for worker in reversed(team):
        worker.process.join(max(latest - monotonic(), 0))
    for worker in team:
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()
    team.clear()


def _without_tensors(value: Any, tensors: list[Tensor]) -> Any:  # noqa: ANN401
    """Put the tensors of a batch into a list, and places where they were."""

    def out(tensor: Tensor) -> _Place:
        tensor = tensor.detach().resolve_conj().resolve_neg()
        # A clone is dense and keeps the order of the dimensions in memory, which
        # decides how PyTorch rounds.
        tensors.append(tensor if tensor.is_contiguous() else tensor.clone())
        return _Place(len(tensors) - 1)

    return map_leaves(value, Tensor, out)


def _with_tensors(skeleton: Any, tensors: Sequence[Tensor]) -> Any:  # noqa: ANN401
    return map_leaves(skeleton, _Place, lambda place: tensors[place.number])


def map_leaves(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """Change the values of one kind in the lists, tuples and mappings of a batch."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, dict):
        return {key: map_leaves(item, kind, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [map_leaves(item, kind, change) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _pour(descriptor: int, tensors: Sequence[Tensor]) -> None:
    """Write the content of dense tensors into a line."""
    _transfer(os.writev, descriptor, tensors)


def _fill(descriptor: int, tensors: Sequence[Tensor]) -> None:
    """Read the content of dense tensors from a line.

    Raises:
        EOFError: The line ends before.
    """
    _transfer(os.readv, descriptor, tensors)


def _transfer(
    call: Callable[[int, list[memoryview]], int],
    descriptor: int,
    tensors: Sequence[Tensor],
) -> None:
    views = [_memory(tensor) for tensor in tensors if tensor.numel()]
    while views:
        moved = call(descriptor, views[:_PARTS_AT_ONCE])
        if not moved:
            raise EOFError
        while views and moved >= len(views[0]):
            moved -= len(views.pop(0))
        if moved:
            views[0] = views[0][moved:]


def _memory(tensor: Tensor) -> memoryview:
    """Return the bytes of a dense tensor in the order in which they lie in memory."""
    flat = tensor.as_strided((tensor.numel(),), (1,))
    return flat.view(torch.uint8).numpy().data
