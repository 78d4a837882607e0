"""What a plan leaves open is chosen before its run folder is made, and stays so."""

import signal

import pytest
import torch

import torchsmith as ts
from torchsmith.core.errors import Interrupted, PlanError
from torchsmith.plan.file import parse_plan, read_plan, write_plan
from torchsmith.plan.settings import differences, set_values, take_choices
from torchsmith.train.engines import automatic
from torchsmith.train.engines.automatic import Choice
from torchsmith.train.watch import TrainingObserver

PLAN = """\
problem: {task: multiclass, target: label, metric: accuracy, classes: &}
data: {source: digits}
prepare: [{ToFloat: 16}]
network: {Sequential: [Flatten, {Linear: 8}, ReLU, {Linear: 10}]}
loss: CrossEntropyLoss
optimizer: Adam
training: {epochs: 3, batch_size: 256}
""".replace("&", str([*"0123456789"]))

STUDY = f"""\
# torchsmith study, version 1
title: Two rates
question: Which is faster?
draw: [val_loss]
seeds: [0, 1]
variants:
  low rate: {{}}
  high rate: {{optimizer.Adam.lr: 0.1}}
---
{PLAN}"""


@pytest.fixture
def plan():
    return parse_plan(PLAN)


@pytest.fixture
def counted(monkeypatch):
    """Notes what is chosen, and chooses what a short run would not."""
    asked = []

    def choose(job, new_state, tell):
        asked.append(job.training)
        if job.training.engine != "auto":
            return real(job, new_state, tell)
        return Choice("eager", 1, "as this test wants", "as it wants, too")

    real = automatic.choose
    monkeypatch.setattr(automatic, "choose", choose)
    return asked


def weights(run):
    return (run.path / "model" / "network.safetensors").read_bytes()


def test_the_choice_and_its_reason_are_in_the_plan_of_the_run(plan, tmp_path):
    run = ts.train(plan, runs=tmp_path)
    assert run.plan.training.engine in ("captured", "eager")
    assert run.plan.training.threads == torch.get_num_threads()
    text = (run.path / "plan.yaml").read_text()
    assert "# auto: 15 steps are too few to measure" in text
    assert run.environment["torch threads"] == str(run.plan.training.threads)


def test_training_the_plan_of_a_run_repeats_its_choice(plan, tmp_path, counted):
    run = ts.train(plan, runs=tmp_path)
    assert (run.plan.training.engine, run.plan.training.threads) == ("eager", 1)
    assert run.plan.reasons["training.engine"] == "auto: as this test wants"
    assert run.plan.reasons["training.threads"] == "auto: as it wants, too"
    again = ts.train(run.path / "plan.yaml", runs=tmp_path)
    assert counted[-1].engine == "eager"
    assert again.plan.training == run.plan.training
    assert weights(again) == weights(run)


def test_what_was_chosen_is_no_change_of_the_persons(tmp_path, counted):
    settings = {"training.epochs": 3, "training.threads": 0}
    run = ts.train("iris", settings=settings, runs=tmp_path)
    assert counted
    again = ts.train(run.path / "plan.yaml", runs=tmp_path)
    for each in (run, again):
        changed = differences(each.plan, read_plan(each.folder.default_plan))
        assert "training.engine" not in changed
    own = ts.train(
        "iris", settings={"training.engine": "eager"}, runs=tmp_path, budget=2
    )
    default = read_plan(own.folder.default_plan)
    assert differences(own.plan, default) == {"training.engine": ("eager", "auto")}


class Interrupter(TrainingObserver):
    """Presses Ctrl-C after the first epoch."""

    def on_epoch_end(self, record):
        if record.epoch == 1:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("counted")
def test_a_run_is_resumed_with_the_plan_that_left_the_choice_open(plan, tmp_path):
    whole = ts.train(plan, runs=tmp_path, name="whole")
    with pytest.raises(Interrupted):
        ts.train(plan, runs=tmp_path, name="cut", observer=Interrupter())
    (cut,) = tmp_path.glob("*-cut")
    write_plan(tmp_path / "mine.yaml", plan)
    resumed = ts.train(tmp_path / "mine.yaml", resume=cut)
    assert weights(resumed) == weights(whole)
    training = plan.training.model_copy(update={"engine": "captured"})
    other = plan.model_copy(update={"training": training})
    with pytest.raises(PlanError, match=r"another plan \(not the same: training.eng"):
        ts.train(other, resume=cut)


@pytest.mark.usefixtures("counted")
def test_a_run_may_go_on_with_the_other_engine_of_the_same_bits(plan, tmp_path):
    whole = ts.train(plan, runs=tmp_path, name="whole")
    with pytest.raises(Interrupted):
        ts.train(plan, runs=tmp_path, name="cut", observer=Interrupter())
    (cut,) = tmp_path.glob("*-cut")
    text = (cut / "plan.yaml").read_text()
    assert "  engine: eager " in text
    write = (cut / "plan.yaml").write_text
    write(text.replace("  engine: eager ", "  engine: compiled "))
    with pytest.raises(PlanError, match=r"\(training.engine is compiled, was eager\)"):
        ts.train(resume=cut)
    write(text.replace("  engine: eager ", "  engine: captured "))
    assert weights(ts.train(resume=cut)) == weights(whole)


def test_the_report_names_the_line_of_the_environment_that_differs(plan, tmp_path):
    with pytest.raises(Interrupted):
        ts.train(plan, runs=tmp_path, observer=Interrupter())
    (cut,) = tmp_path.iterdir()
    file = cut / "environment.json"
    file.write_text(
        file.read_text().replace('"torch threads": "', '"torch threads": "7')
    )
    run = ts.train(resume=cut)
    now = run.plan.training.threads
    note = (
        "the environment differs, so the weights may too: torch threads: "
        f"7{now} then, {now} now"
    )
    assert note in run.outcome.notes
    assert note in run.report_path.read_text()


def test_the_report_says_with_which_engine_and_why(plan, tmp_path, counted):
    run = ts.train(plan, runs=tmp_path)
    assert counted
    page = run.report_path.read_text()
    assert "engine <code>eager</code> on 1 thread: as this test wants" in page


def test_an_engine_that_cannot_train_this_is_refused_before_there_is_a_run(
    plan, tmp_path
):
    layers = "{Sequential: [{Conv2d: 4}, Flatten, {Linear: 10}]}"
    settings = {"network": layers, "training.engine": "compiled"}
    text = r"training.engine: compiled cannot train this: .*Conv2d.*use auto or eager"
    with pytest.raises(PlanError, match=text):
        ts.train(set_values(plan, settings), runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_all_members_of_a_variant_train_alike(tmp_path, counted):
    (tmp_path / "study.yaml").write_text(STUDY)
    run = ts.train(tmp_path / "study.yaml", runs=tmp_path / "runs")
    assert len(counted) == 2, "once for each variant"
    assert len(run.members) == 4
    for member in run.members:
        assert member.plan.reasons["training.engine"] == "auto: as this test wants"


def test_choices_are_taken_only_where_they_are_open(plan):
    training = plan.training.model_copy(update={"engine": "captured", "threads": 4})
    reasons = {"training.engine": "auto: faster", "training.threads": "mine"}
    run = plan.model_copy(update={"training": training, "reasons": reasons})
    taken = take_choices(plan, run)
    assert (taken.training.engine, taken.training.threads) == ("captured", 0)
    assert taken.reasons == {"training.engine": "auto: faster"}
    training = plan.training.model_copy(update={"engine": "eager"})
    own = plan.model_copy(update={"training": training})
    assert take_choices(own, run) == own


def examples():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(64, 4, generator=generator)
    return inputs, inputs[:, :1] * 2


class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 1)

    def forward(self, inputs):
        return self.linear(inputs)


@pytest.mark.parametrize("runs", ["folder", None])
def test_fit_trains_a_module_of_layers_with_the_bits_of_eager(runs, tmp_path):
    found = []
    for engine in ("eager", "captured", "auto"):
        torch.manual_seed(0)
        module = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)
        )
        folder = None if runs is None else tmp_path / engine
        done = ts.fit(
            module, examples(), loss="MSELoss", engine=engine, epochs=2, runs=folder
        )
        found.append(torch.nn.utils.parameters_to_vector(done.module.parameters()))
        if folder is not None:
            assert list(folder.glob("*/tensorboard/*.network"))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_fit_trains_a_module_of_ones_own_as_it_is(tmp_path):
    given = {"loss": "MSELoss", "epochs": 2, "runs": tmp_path / "runs"}
    with pytest.raises(PlanError, match=r"captured cannot train this: no case for Own"):
        ts.fit(Own(), examples(), engine="captured", **given)
    assert not (tmp_path / "runs").exists()
    assert len(ts.fit(Own(), examples(), **given).history) == 2


def test_more_threads_than_cores_are_told(plan, tmp_path, monkeypatch):
    class Notes(TrainingObserver):
        def __init__(self):
            self.notes = []

        def note(self, text):
            self.notes.append(text)

    monkeypatch.setattr("torchsmith.api.choosing.usable_cores", lambda: 1)
    for threads, told in ((2, 1), (1, 0)):
        notes = Notes()
        many = set_values(plan, {"training.threads": threads})
        ts.train(many, runs=tmp_path, observer=notes)
        assert sum("threads that wait for one" in note for note in notes.notes) == told
