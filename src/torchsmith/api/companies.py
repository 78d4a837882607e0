"""Carrying out members of a study: many together, or one alone."""

import threading
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from torchsmith.api.carrying import (
    SAME_BITS,
    Ready,
    carry_out,
    conclude,
    make_ready,
    ready_to_train,
    torch_threads,
)
from torchsmith.api.keeping import keep_best_of_failed
from torchsmith.core.environment import usable_cores
from torchsmith.core.errors import Diverged
from torchsmith.core.run_folder import RunFolder
from torchsmith.data.data import Data
from torchsmith.plan.file import read_plan
from torchsmith.plan.plan import Plan
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import Progress, TrainingObserver

if TYPE_CHECKING:
    from torchsmith.train.engines.together import TogetherMember
    from torchsmith.train.setup import Setup

MOST_TOGETHER = 32
"""More members gain nothing, and each has files that are open."""


def kind_of_company(plan: Plan) -> str:
    """Return what members that may train together have in common, as a text.

    They differ in seed, initial weights, optimizer and schedule only.

    Args:
        plan: Of a member, with its engine chosen.
    """
    named = plan.training.engine
    engine = "eager" if named in SAME_BITS else named
    training = plan.training.model_copy(update={"seed": 0, "engine": engine})
    common = plan.model_copy(update={"training": training})
    own = {"optimizer", "schedule", "init", "reasons", "sized_for"}
    return common.model_dump_json(exclude=own)


def set_up_company(
    plans: Sequence[Plan], data: Data, observer: TrainingObserver
) -> list["Setup"]:
    """Prepare members that shall train together; they share the prepared data.

    Args:
        plans: Of one kind.
        data: All examples.
        observer: Is told how it goes.

    Raises:
        Unsupported: They cannot train together; says why.
        DataError: The data cannot be split or prepared as planned.
        PlanError: The network does not fit the data.
    """
    from torchsmith.train.engines.together import require_together
    from torchsmith.train.setup import set_up_beside

    first = make_ready(plans[0], data, observer)
    with torch_threads(plans[0].training.threads):
        setups = [first, *(set_up_beside(first, plan) for plan in plans[1:])]
    if plans[0].training.engine != "compiled":
        require_together([s.job for s in setups], [s.state.network for s in setups])
    return setups


def carry_out_alone(folder: RunFolder, data: Data, observer: TrainingObserver) -> str:
    """Train a member of a study, evaluate and report.

    Args:
        folder: Of the member; held by this process.
        data: All examples.
        observer: Is told how it goes.

    Returns:
        Why its training failed, or an empty text.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
    """
    begin, plan = perf_counter(), read_plan(folder.plan)
    setup = make_ready(plan, data, observer)
    try:
        carry_out(folder, plan, data, setup, observer, begin, rivals=False)
    except Diverged as error:
        return str(error)
    return ""


def carry_out_together(
    folders: Sequence[RunFolder],
    setups: Sequence["Setup"],
    data: Data,
    view: "CompanyView",
) -> list[str]:
    """Train members of a study at once, then evaluate and report each.

    Args:
        folders: Of the members; held by this process.
        setups: As `set_up_company` made them.
        data: All examples.
        view: Shows it.

    Returns:
        For each member why its training failed, or an empty text.

    Raises:
        Interrupted: Ctrl-C or SIGTERM; everything is saved.
        TrainError: A run folder cannot be written.
    """
    from torchsmith.train.engines.choose import choose_engine
    from torchsmith.train.engines.together import (
        TogetherMember,
        fit_beside,
        fit_together,
    )
    from torchsmith.train.session import Stop

    training, stop = setups[0].job.training, Stop()
    with torch_threads(training.threads):
        ready = [
            ready_to_train(
                folder, read_plan(folder.plan), data, setup, view.member(n), stop
            )
            for n, (folder, setup) in enumerate(zip(folders, setups, strict=True))
        ]
        members = [
            TogetherMember(each.setup.job, each.setup.state, each.session)
            for each in ready
        ]
        if training.engine == "compiled":
            fit_beside(
                members,
                stop,
                lambda member: choose_engine(member.job, member.state).train_epoch,
                lanes=usable_cores(),
            )
        else:
            lanes = usable_cores() if training.threads == 1 else 1
            fit_together(members, stop, lanes=lanes)
        view.conclude(len(members))
        for n, (each, member) in enumerate(zip(ready, members, strict=True)):
            if member.failed is None:
                begin = perf_counter() - (each.setup.state.seconds - each.earlier)
                conclude(each, view.member(n), begin, rivals=False)
            view.concluded(n + 1)
    return [_why_failed(*each) for each in zip(ready, members, strict=True)]


def _why_failed(ready: Ready, member: "TogetherMember") -> str:
    """Say why a member's training failed, and keep what it had learned."""
    if member.failed is None:
        return ""
    state, folder = ready.setup.state, ready.folder
    kept = keep_best_of_failed(state, folder, ready.save_model)
    return "; ".join(filter(None, (str(member.failed), kept)))


class CompanyView:
    """Shows members that train together as one stage, with the time left for all.

    Args:
        watcher: Is told.
        title: Of the stage.
        each: Seconds that each member of other companies took, where that is known.
        num_left: How many members come after these.
    """

    def __init__(
        self,
        watcher: TrainingObserver,
        title: str,
        each: Sequence[float],
        num_left: int,
    ) -> None:
        self.title = title
        self._watcher = watcher
        self._each = list(each)
        self._num_left = num_left
        self._epochs: dict[int, int] = {}
        self._progress: dict[int, Progress] = {}
        self._lock = threading.Lock()
        self._begun = False

    def member(self, place: int) -> TrainingObserver:
        """Return what one member tells how its training goes."""
        self._epochs.setdefault(place, 0)
        return _MemberView(self, place)

    def note(self, text: str) -> None:
        """Tell the person one line that they should know."""
        self._watcher.note(text)

    def finding(self, text: str) -> None:
        """Tell the person one line about what was found."""
        self._watcher.finding(text)

    def start(self, num_epochs: int) -> None:
        """Begin the stage with the first member."""
        if not self._begun:
            self._begun = True
            self._watcher.stage(self.title, num_epochs)

    def progress(self, place: int, progress: Progress) -> None:
        """Show how far the slowest member is, and how long all will take."""
        with self._lock:
            self._progress[place] = progress
            known = self._progress.values()
            each = [one.seconds + one.seconds_left for one in known]
            each = self._each or each
            left = sum(one.seconds_left for one in known)
            left += self._num_left * sum(each) / len(each)
            self._watcher.advance(min(self._epochs.values()), left)

    def end_epoch(self, place: int, epoch: int) -> None:
        """Show the epoch that all members have done."""
        with self._lock:
            before = min(self._epochs.values())
            self._epochs[place] = epoch
            if min(self._epochs.values()) > before:
                self._watcher.advance(min(self._epochs.values()))

    def conclude(self, num_members: int) -> None:
        """Begin the stage in which the members are evaluated."""
        self._watcher.stage("Evaluating and reporting", num_members)

    def concluded(self, num_members: int) -> None:
        """Show how many members are evaluated."""
        self._watcher.advance(num_members)


class _MemberView(TrainingObserver):
    def __init__(self, view: CompanyView, place: int) -> None:
        self._view = view
        self._place = place

    def note(self, text: str) -> None:
        self._view.note(text)

    def finding(self, text: str) -> None:
        self._view.finding(text)

    def on_start(
        self, num_epochs: int, num_examples: int, num_parameters: int, device: str
    ) -> None:
        del num_examples, num_parameters, device
        self._view.start(num_epochs)

    def on_progress(self, progress: Progress) -> None:
        self._view.progress(self._place, progress)

    def on_epoch_end(self, record: EpochRecord) -> None:
        self._view.end_epoch(self._place, record.epoch)
