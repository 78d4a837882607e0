"""Recipes from Python: plans, studies and lessons into run folders."""

import json
import signal
from xml.etree import ElementTree

import pytest

import torchsmith as ts
from tests.recipes.small import SMALL_STUDY
from torchsmith import api
from torchsmith.api.lessons import LessonRun
from torchsmith.api.studying import StudyRun
from torchsmith.core.errors import DataError, Interrupted, PlanError, TrainError
from torchsmith.core.run_folder import RunFolder
from torchsmith.train.watch import TrainingObserver

FEW = {"points": 50, "steps": 20}


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "two-rates.yaml"
    path.write_text(SMALL_STUDY)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The small study, run without an interruption."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "two-rates.yaml").write_text(SMALL_STUDY)
    return ts.train(folder / "two-rates.yaml", runs=folder / "runs")


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    return ts.train(
        recipe="sine-cubic", settings=FEW, runs=tmp_path_factory.mktemp("lesson")
    )


def weights(study_run):
    return {
        run.path.name: (run.folder.model / "network.safetensors").read_bytes()
        for run in study_run.members
    }


def without_seconds(study_run):
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in study_run.table
    ]


def test_a_study_gives_a_table_and_a_run_for_each_member(whole):
    assert isinstance(whole, StudyRun)
    low, high = whole.table
    assert (low["variant"], high["variant"]) == ("low rate", "high rate")
    assert high["score"]["value"] > low["score"]["value"]
    assert high["difference"]["value"] > 0
    assert len(high["values"]) == 2
    names = {run.path.name for run in whole.members}
    assert names == {*low["runs"], *high["runs"]}


def test_a_member_is_a_run_like_any_other_without_rivals(whole):
    member = ts.load_run(whole.folder.members / "high-rate-seed1")
    assert member.plan.optimizer.lr == 0.5
    assert member.plan.training.seed == 1
    assert not member.evaluation.rivals
    assert member.report_path.is_file()
    assert len(member.predict("digits").texts) == 1797
    assert "0.01" in member.report_path.read_text("utf-8"), "what the base had"


def test_a_study_has_a_page_and_figures_that_stand_alone(whole):
    page = whole.report_path.read_text("utf-8")
    assert "high rate" in page
    assert "One step in a hundred." in page
    figures = sorted(path.name for path in whole.folder.figures.iterdir())
    assert figures == ["val_accuracy.svg", "val_loss.svg"]
    for path in whole.folder.figures.iterdir():
        ElementTree.fromstring(path.read_text("utf-8"))
        assert "var(" not in path.read_text("utf-8")


def test_the_summary_of_a_study_is_plain_json(whole):
    found = json.loads(json.dumps(whole.summary()))
    assert found["metric"] == "accuracy"
    assert [row["variant"] for row in found["table"]] == ["low rate", "high rate"]


class Interrupter(TrainingObserver):
    """Presses Ctrl-C after the first epoch of all members."""

    def __init__(self):
        self.title = ""

    def stage(self, title, total=None):  # noqa: ARG002
        self.title = title

    def advance(self, done, seconds_left=None):  # noqa: ARG002
        if "together" in self.title and done == 1:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_study_goes_on_and_ends_with_the_same_bits(
    study_file, tmp_path, whole
):
    runs = tmp_path / "runs"
    # Progress is told when there is time for it, on a busy machine after the last step.
    where = r"(in 4 of 4 together: 2 variants, seeds 0, 1|saved is kept).*--resume"
    with pytest.raises(Interrupted, match=where):
        ts.train(study_file, runs=runs, observer=Interrupter())
    (row,) = api.runs(runs)
    assert row["state"] == "unfinished"
    resumed = ts.train(resume=True, runs=runs)
    assert isinstance(resumed, StudyRun)
    assert weights(resumed) == weights(whole)
    assert without_seconds(resumed) == without_seconds(whole)


def test_a_finished_study_is_not_run_again(whole):
    told = []

    class Listener(TrainingObserver):
        def note(self, text):
            told.append(text)

    again = ts.train(resume=whole.path, observer=Listener())
    assert again.path == whole.path
    assert "nothing to resume" in told[0]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({"what": "/nowhere/else.csv"}, "was made of 'digits'"),
        ({"target": "price"}, "was made of the target 'label'"),
        ({"what": "another.yaml"}, "was made of another plan"),
    ],
)
def test_a_study_is_resumed_with_what_it_was_made_of_alone(
    whole, named, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plan = whole.members[0].folder.plan.read_text("utf-8")
    (tmp_path / "another.yaml").write_text(plan.replace("epochs: 2", "epochs: 3"))
    with pytest.raises(PlanError, match=said):
        ts.train(**named, resume=whole.path)
    assert ts.train("digits", target="label", resume=whole.path).path == whole.path


def test_a_study_is_resumed_with_its_own_file_alone(whole, study_file):
    assert ts.train(study_file, resume=whole.path).path == whole.path
    study_file.write_text(SMALL_STUDY.replace("0.5", "0.6"))
    with pytest.raises(PlanError, match="was made of another study"):
        ts.train(study_file, resume=whole.path)


@pytest.mark.parametrize("named", [{"what": "digits"}, {"target": "label"}])
def test_a_lesson_is_resumed_without_a_source_or_target(lesson, named):
    with pytest.raises(PlanError, match="a lesson, which has no source and no target"):
        ts.train(**named, resume=lesson.path)
    assert ts.train(resume=lesson.path).path == lesson.path


def test_a_study_that_was_edited_after_it_was_begun_is_not_resumed(
    study_file, tmp_path
):
    with pytest.raises(Interrupted):
        ts.train(study_file, runs=tmp_path / "runs", observer=Interrupter())
    (folder,) = (tmp_path / "runs").iterdir()
    (folder / "study.yaml").write_text(SMALL_STUDY.replace("0.01", "0.02"))
    with pytest.raises(PlanError, match=r"low rate, seed 0 was begun .*SGD\.lr"):
        ts.train(resume=folder)


def test_a_lesson_draws_the_graphs_of_its_expressions(tmp_path):
    run = ts.train(recipe="autograd-basics", runs=tmp_path)
    (figure, *_) = sorted(run.folder.figures.iterdir())
    text = figure.read_text("utf-8")
    ElementTree.fromstring(text)
    assert "gradient 64" in text
    assert "var(" not in text
    assert 'class="nodes"' in run.report_path.read_text("utf-8")


def test_a_member_that_diverges_is_told_and_the_others_are_trained(tmp_path):
    study = tmp_path / "wild.yaml"
    text = SMALL_STUDY.replace("lr: 0.5", "lr: 1.0e+38").replace("[0, 1]", "[0]")
    study.write_text(text.replace("batch_size: 256", "batch_size: 64"))
    run = ts.train(study, runs=tmp_path / "runs")
    low, high = run.results.rows
    assert low.score is not None
    assert high.score is None
    assert "no longer a finite number" in high.failed[0]
    assert "no longer a finite number" in run.report_path.read_text("utf-8")


def test_a_study_that_is_not_done_says_how_to_go_on(whole, tmp_path):
    folder = RunFolder.create(
        tmp_path, "x", {"study.yaml": whole.folder.study.read_text("utf-8")}
    )
    with pytest.raises(TrainError, match="go on with: torchsmith train --resume"):
        StudyRun(folder.path).summary()


def test_a_study_is_no_run_and_says_which_are(whole):
    with pytest.raises(DataError, match=r"is a study of 4 runs; name .*low-rate-seed0"):
        ts.load_run(whole.path)


def test_a_variant_that_cannot_be_built_is_told_before_there_is_a_folder(tmp_path):
    study = tmp_path / "wrong.yaml"
    study.write_text(SMALL_STUDY.replace("{optimizer.SGD.lr: 0.5}", "{loss: MSELos}"))
    with pytest.raises(PlanError, match=r"yaml:9:3: variants.high rate: loss: unknown"):
        ts.train(study, runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_lesson_keeps_its_program_its_settings_and_what_it_found(lesson):
    assert isinstance(lesson, LessonRun)
    assert lesson.settings == {"points": 50, "steps": 20, "lr": 1e-6, "seed": 0}
    assert lesson.results.numbers["error after the last step"] > 0
    assert "steps=20" in lesson.program
    assert lesson.folder.kind == "lesson"
    page = lesson.report_path.read_text("utf-8")
    assert "<code>nn.Module</code>" in page
    assert "def by_hand" in page
    figures = [path.name for path in lesson.folder.figures.iterdir()]
    assert "the-curves-after-the-last-step.svg" in figures
    json.dumps(lesson.summary())


def test_a_lesson_run_again_finds_the_same_bit_for_bit(lesson, tmp_path):
    again = ts.train(recipe="sine_cubic", settings=FEW, runs=tmp_path)
    assert again.results == lesson.results
    assert again.path.name.endswith("sine-cubic")


def test_a_lesson_is_no_run_and_says_where_its_program_is(lesson):
    with pytest.raises(DataError, match=r"is a lesson, .*lesson\.py"):
        ts.load_run(lesson.path)


def test_a_lesson_whose_assertion_fails_says_so(tmp_path):
    with pytest.raises(TrainError, match="sine-cubic: with these settings"):
        ts.train(recipe="sine-cubic", settings=FEW | {"lr": 1.0}, runs=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_of_all_kinds_are_listed_and_opened(lesson, whole):
    (row,) = api.runs(lesson.path.parent)
    assert (row["task"], row["source"]) == ("lesson", "sine-cubic")
    (row,) = api.runs(whole.path.parent)
    assert (row["task"], row["state"]) == ("study of 4", "done")
    assert isinstance(api.open_run("last", runs=whole.path.parent), StudyRun)
    assert isinstance(api.open_run("last", runs=lesson.path.parent), LessonRun)
    assert api.open_run(lesson.path).report() == lesson.report_path


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"what": "digits"}, "'optimizers' and the source 'digits' cannot go together"),
        ({"budget": 9}, "'optimizers' and a budget cannot go together"),
        ({"target": "x"}, "'optimizers' and the target 'x' cannot go together"),
        ({"resume": True}, "'optimizers' and resume cannot go together"),
        ({"recipe": "optimisers"}, "no recipe 'optimisers'; did you mean"),
        ({"settings": {"training.epoch": 1}}, "did you mean 'epochs'"),
    ],
)
def test_what_does_not_go_with_a_recipe_is_refused(given, message, tmp_path):
    with pytest.raises(PlanError, match=message):
        ts.train(**{"recipe": "optimizers", "runs": tmp_path} | given)
