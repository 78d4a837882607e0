"""One plan with several seeds, and the variants of a study, at once."""

import json
import os
import signal

import numpy as np
import pytest

import torchsmith as ts
from tests.recipes.small import SMALL_STUDY
from torchsmith.api.studying import StudyRun
from torchsmith.core.errors import DataError, Interrupted, PlanError
from torchsmith.train.watch import TrainingObserver

SETTINGS = {
    "training.epochs": 20,
    "training.batch_size": 16,
    "training.engine": "eager",
    "network": {"MLP": [16]},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return ts.train("iris", seeds=3, settings=SETTINGS, runs=runs)


def weights(run):
    return (run.folder.model / "network.safetensors").read_bytes()


def test_a_study_of_seeds_has_the_mean_of_its_members(study):
    assert isinstance(study, StudyRun)
    (row,) = study.table
    scores = [run.evaluation.scores["test"] for run in study.members]
    values = [score[study.results.metric].value for score in scores]
    assert list(row["values"]) == values
    assert row["score"]["value"] == pytest.approx(np.mean(values))
    assert row["score"]["low"] < row["score"]["value"] or len(set(values)) == 1
    assert [run.plan.training.seed for run in study.members] == [0, 1, 2]
    assert "of the seeds: lowest" in study.report_path.read_text("utf-8").lower()


def test_each_member_is_a_whole_run_with_the_bits_that_it_has_alone(study, tmp_path):
    settings = SETTINGS | {"training.seed": 1}
    alone = ts.train("iris", settings=settings, runs=tmp_path)
    member = study.members[1]
    assert weights(member) == weights(alone)
    assert [r.val_loss for r in member.history] == [r.val_loss for r in alone.history]
    assert member.evaluation.scores == alone.evaluation.scores
    for path in ("plan.yaml", "metrics.jsonl", "outcome.json", "report.html"):
        assert (member.path / path).is_file(), path
    assert member.folder.newest_checkpoint()[0] is not None
    assert any(member.folder.tensorboard.iterdir())
    assert len(member.predict("iris").texts) == 150


def test_the_seeds_may_be_named(tmp_path):
    plan = ts.plan("iris", settings=SETTINGS | {"training.epochs": 1})
    study = ts.train(plan, seeds=[4, 9], runs=tmp_path)
    assert [run.plan.training.seed for run in study.members] == [4, 9]


class Interrupter(TrainingObserver):
    """Presses Ctrl-C after the first epoch of all members."""

    def __init__(self):
        self.title = ""
        self.pressed = False
        self.notes = []

    def stage(self, title, total=None):  # noqa: ARG002
        self.title = title

    def note(self, text):
        self.notes.append(text)

    def advance(self, done, seconds_left=None):  # noqa: ARG002
        if "together" in self.title and done == 1 and not self.pressed:
            self.pressed = True  # a second time would leave at once
            os.kill(os.getpid(), signal.SIGINT)  # to the process, as a terminal does


def test_an_interrupted_study_of_seeds_goes_on_to_the_same_bits(study, tmp_path):
    with pytest.raises(Interrupted, match="in 3 of 3 together: as planned, seeds 0, 1"):
        ts.train(
            "iris", seeds=3, settings=SETTINGS, runs=tmp_path, observer=Interrupter()
        )
    again = ts.train(resume=True, runs=tmp_path)
    assert list(map(weights, again.members)) == list(map(weights, study.members))
    assert again.table[0]["values"] == study.table[0]["values"]


def test_an_interrupted_study_goes_on_with_the_same_data_only(tmp_path):
    table = tmp_path / "table.csv"
    rows = [f"{n % 7},{n % 5},{n % 2}" for n in range(100)]
    table.write_text("\n".join(["a,b,y", *rows]))
    with pytest.raises(Interrupted):
        ts.train(
            table,
            target="y",
            seeds=2,
            settings=SETTINGS,
            runs=tmp_path,
            observer=Interrupter(),
        )
    table.write_text("\n".join(["a,b,y", *rows[:-1], "3,3,1"]))
    with pytest.raises(DataError, match="old data, or begin a new run"):
        ts.train(resume=True, runs=tmp_path)


def test_members_that_cannot_train_together_say_why_and_train_in_turn(tmp_path):
    told = Interrupter()
    study = ts.train(
        "digits",
        seeds=2,
        settings={
            "training.epochs": 1,
            "network": {"ConvNet": {"channels": [4]}},
            "augment": [],
        },
        runs=tmp_path,
        observer=told,
    )
    assert len(study.members) == 2
    assert any("one after the other, not together: Conv2d" in n for n in told.notes)


def test_a_study_on_arrays_trains_together_and_goes_on(tmp_path):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(120, 3)).astype(np.float32)
    targets = inputs @ np.array([1.0, -2.0, 0.5], np.float32)
    settings = {"training.epochs": 2, "training.engine": "eager"}
    study = ts.train((inputs, targets), seeds=2, settings=settings, runs=tmp_path)
    assert len(study.table[0]["values"]) == 2


@pytest.mark.parametrize(
    ("seeds", "settings"),
    [
        *(
            (wrong, {})
            for wrong in (0, 1, -1, "a", True, [], [3], [2, 2], [0, -1], [0.5])
        ),
        *((wrong, {}) for wrong in (1001, 10**20, [0, 2**63])),
        (2, {"training.seed": 3}),
    ],
)
def test_wrong_seeds_are_refused_before_anything_is_read(seeds, settings, tmp_path):
    with pytest.raises(PlanError, match="seeds"):
        ts.train("no such file", seeds=seeds, settings=settings, runs=tmp_path)


def test_seeds_go_with_plans_only(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(SMALL_STUDY)
    with pytest.raises(PlanError, match="is a study, which has seeds of its own"):
        ts.train(path, seeds=2, runs=tmp_path)
    with pytest.raises(PlanError, match="'optimizers' is a study, which has seeds"):
        ts.train(recipe="optimizers", seeds=2, runs=tmp_path)
    with pytest.raises(PlanError, match="is a lesson, which has one seed"):
        ts.train(recipe="sine-cubic", seeds=2, runs=tmp_path)
    with pytest.raises(PlanError, match="a lesson, which has no seed; leave"):
        ts.train(recipe="autograd-basics", seeds=2, runs=tmp_path)
    with pytest.raises(PlanError, match="seeds and name cannot be changed"):
        ts.train(resume=True, seeds=2, runs=tmp_path)


def test_the_summary_of_a_study_of_seeds_is_plain_json(study):
    found = json.loads(json.dumps(study.summary()))
    assert found["seeds"] == [0, 1, 2]
    assert len(found["table"]) == 1
