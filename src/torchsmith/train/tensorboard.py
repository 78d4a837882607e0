"""What TensorBoard shows of a run: `tensorboard --logdir runs`.

Events are written by this process, so that a full disk is told like any other; the
writers that libraries offer do so in threads of their own. What is written once lies in
files of its own, which are there and whole or not there: a resumed run does not write
it twice. TensorBoard reads a folder's files in the order of their names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torchsmith.core.files import write_atomic, write_failed
from torchsmith.train.event_file import records
from torchsmith.train.forward_trace import Call, ForwardTrace, is_compiled
from torchsmith.train.history import EpochRecord
from torchsmith.train.recorders import Log
from torchsmith.train.state import TrainState
from torchsmith.train.watch import TrainingObserver

if TYPE_CHECKING:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.summary_pb2 import Summary

NETWORK_FILE = "events.out.tfevents.0.network"
RESULTS_FILE = "events.out.tfevents.9.results"

BINS = 64
HISTOGRAM_SHARE = 0.0025
"""Histograms may take so much of the time; where they take more, some are left out."""
MOST_TENSORS = 1000
"""Networks of more parameter tensors have no histograms."""
LARGEST = 1e37
"""Greater values, and those that are no numbers, are left out of a histogram."""
EXACT = 2**24
"""So many values can be counted in float32."""

GRID = 4
PICTURES = GRID * GRID
"""So many pictures are shown, in a square."""

Setting = str | float | bool


class Epoch(NamedTuple):
    """What is to be written of an epoch.

    Attributes:
        moment: When it was done, in seconds since 1970.
        record: Its numbers.
        histograms: Of the weights then; empty where there was no time for them.
    """

    moment: float
    record: EpochRecord
    histograms: "Sequence[Event]"


class TensorBoardEvents(TrainingObserver):
    """Curves, histograms, the graph, pictures, and what came of which settings.

    Args:
        folder: Where the event files go, one for each session.
        state: What is trained. Where it goes on from a checkpoint, TensorBoard hides
            the later epochs of the session that was interrupted.
        samples: Training pictures `(H, W, C)`; the first 16 are shown.
    """

    def __init__(
        self, folder: Path, state: TrainState, samples: Sequence[np.ndarray] = ()
    ) -> None:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise write_failed(folder, error) from error
        self._folder = folder
        self._state = state
        self._samples = samples
        self._log = Log(folder / f"events.out.tfevents.{time():.6f}", self._encode)
        self._begun = False
        self._next_histograms = 0.0
        self._trace: ForwardTrace | None = None
        self._calls: Sequence[Call] = ()
        written = (folder / NETWORK_FILE).exists()
        if not written and not is_compiled(state.network):
            self._trace = ForwardTrace(state.network, self._hold_network)

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Write the epoch's numbers, and histograms where there is time for them."""
        moment, histograms = time(), []
        if perf_counter() >= self._next_histograms or self._state.ending:
            import tensorboardX.summary  # noqa: F401 -- once, and no part of their time

            begin = perf_counter()
            found = self._histograms()
            histograms = [_event(each, record.epoch, moment) for each in found]
            now = perf_counter()
            self._next_histograms = now + (now - begin) / HISTOGRAM_SHARE
        self._write_network()
        self._log.add(Epoch(moment, record, histograms))

    def write_out(self) -> None:
        """Write the events that are held back."""
        self._write_network()
        self._log.write_out()

    def on_end(self, reason: str) -> None:
        """Follow the network no longer, and make the events outlive a power cut."""
        del reason
        self.close()
        self.write_out()
        self._log.end()

    def close(self) -> None:
        """Leave the network as it was, also after an error."""
        if self._trace is not None:
            self._trace.remove()

    def on_result(
        self,
        settings: Mapping[str, Setting],
        scores: Mapping[str, float],
        mistakes: Sequence[np.ndarray] = (),
    ) -> None:
        """Write what came of which settings, for the table of all runs.

        Args:
            settings: The choices of the plan, by name.
            scores: The final scores, such as `{"accuracy/test": 0.98}`.
            mistakes: The worst test pictures `(H, W, C)`; the first 16 are shown.
        """
        from tensorboardX.summary import hparams

        # Without the message that says which settings there are, TensorBoard collects
        # those of all runs; with it, the first run would speak for the others.
        _, begin, end = hparams(dict(settings), dict(scores))
        summaries = [begin, numbers(scores), end]
        summaries += _pictures("mistakes", mistakes)
        events = [_event(summary, self._state.epoch, time()) for summary in summaries]
        write_atomic(self._folder / RESULTS_FILE, records([_version(), *events]))

    def _hold_network(self, calls: Sequence[Call]) -> None:
        self._calls = calls  # what writes it takes longer to import than many a step

    def _write_network(self) -> None:
        """Write what the network is, once the first forward pass has shown it."""
        if not self._calls:
            return
        from tensorboardX.proto.event_pb2 import Event

        content = graph_of(self._calls).SerializeToString()
        self._calls = ()
        events = [_version(), Event(wall_time=time(), graph_def=content)]
        events += [
            _event(each, 0, time()) for each in _pictures("examples", self._samples)
        ]
        write_atomic(self._folder / NETWORK_FILE, records(events))

    def _histograms(self) -> "list[Summary]":
        parameters = list(self._state.network.named_parameters())
        if len(parameters) > MOST_TENSORS:
            return []
        found = [histogram(f"weights/{name}", p) for name, p in parameters]
        found += [
            histogram(f"gradients/{name}", p.grad)
            for name, p in parameters
            if p.grad is not None
        ]
        return [each for each in found if each is not None]

    def _encode(self, epochs: Sequence[Epoch]) -> bytes:
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        events: list[Event] = []
        if not self._begun:
            moment, record, _ = epochs[0]
            log = SessionLog(status=SessionLog.START)
            start = Event(wall_time=moment, step=record.epoch, session_log=log)
            events = [_version(), start]
            self._begun = True
        for moment, record, histograms in epochs:
            events.append(_event(numbers(scalars_of(record)), record.epoch, moment))
            events += histograms
        return records(events)


def scalars_of(record: EpochRecord) -> dict[str, float]:
    """Return what is known of an epoch, by the names of the curves."""
    scalars = {"loss/train": record.train_loss, "learning_rate": record.lr}
    if record.val_loss is not None:
        scalars["loss/val"] = record.val_loss
    if record.grad_norm is not None:
        scalars["gradient_norm"] = record.grad_norm
    scalars["examples_per_second"] = record.examples_per_second
    return scalars | {f"{n}/val": value for n, value in record.metrics.items()}


def numbers(values: Mapping[str, float]) -> "Summary":
    """Return values that TensorBoard shows as a curve each."""
    from tensorboardX.proto.summary_pb2 import Summary

    found = [Summary.Value(tag=n, simple_value=value) for n, value in values.items()]
    return Summary(value=found)


def histogram(name: str, values: Tensor) -> "Summary | None":
    """Count values in 64 equal bins; None where there are none.

    Args:
        name: Of the histogram.
        values: Of any shape; all are counted, of complex numbers both parts.
    """
    from tensorboardX.summary import histogram_raw

    values = values.detach().to_dense()
    if values.is_complex():
        values = torch.view_as_real(values.resolve_conj())
    values = values.float().cpu().flatten()
    usable = values.abs() < LARGEST
    if not usable.all():
        values = values[usable]
    if not len(values):
        return None
    low, high = (bound.item() for bound in values.aminmax())
    limits, counts = [high], [float(len(values))]
    if high > low:
        # The first limit closes an empty bin: limits are the right ends of bins.
        limits = np.linspace(low, high, BINS + 1).tolist()
        parts = values.split(EXACT)
        binned = sum(torch.histc(p, BINS, min=low, max=high).double() for p in parts)
        counts = [0.0, *torch.as_tensor(binned).tolist()]
    return histogram_raw(
        name,
        min=low,
        max=high,
        num=len(values),
        sum=values.sum(dtype=torch.float64).item(),
        sum_squares=torch.linalg.vector_norm(values, dtype=torch.float64).item() ** 2,
        bucket_limits=limits,
        bucket_counts=counts,
    )


def graph_of(calls: Sequence[Call]) -> "GraphDef":
    """Return a forward pass as TensorBoard draws it: a node for each module's call."""
    from tensorboardX.proto.graph_pb2 import GraphDef
    from tensorboardX.proto.versions_pb2 import VersionDef

    nodes = [_node(call) for call in calls]
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _node(call: Call) -> "NodeDef":
    from tensorboardX.proto.attr_value_pb2 import AttrValue
    from tensorboardX.proto.node_def_pb2 import NodeDef
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

    # The first size is that of the batch, which TensorBoard shows as unknown.
    shapes = [
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=s) for s in (-1, *shape[1:])])
        for shape in call.shapes
    ]
    attributes = {"_output_shapes": AttrValue(list=AttrValue.ListValue(shape=shapes))}
    if call.details:
        attributes["arguments"] = AttrValue(s=call.details.encode())
    return NodeDef(
        name=_path(call.name),
        op=call.type,
        input=[_path(name) for name in call.parents],
        attr=attributes,
    )


def _path(name: str) -> str:
    return name.replace(".", "/")


def _pictures(name: str, pictures: Sequence[np.ndarray]) -> "list[Summary]":
    from tensorboardX.summary import image

    shown = pictures[:PICTURES]
    return [image(name, grid(shown), dataformats="HWC")] if len(shown) else []


def grid(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Put pictures into rows of 4, in black frames of one pixel.

    Args:
        pictures: `(H, W, C)` with 1 or 3 channels, uint8, of any sizes.

    Returns:
        `(H, W, 3)`, uint8; each picture stands at the top left of its cell.
    """
    height = 1 + max(len(picture) for picture in pictures)
    width = 1 + max(picture.shape[1] for picture in pictures)
    rows = -(-len(pictures) // GRID)
    whole = np.zeros((rows * height + 1, GRID * width + 1, 3), np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (number // GRID) * height + 1, (number % GRID) * width + 1
        whole[top : top + len(picture), left : left + picture.shape[1]] = picture
    return whole


def _event(summary: "Summary", step: int, moment: float) -> "Event":
    from tensorboardX.proto.event_pb2 import Event

    return Event(wall_time=moment, step=step, summary=summary)


def _version() -> "Event":
    from tensorboardX.proto.event_pb2 import Event

    return Event(wall_time=time(), file_version="brain.Event:2")
