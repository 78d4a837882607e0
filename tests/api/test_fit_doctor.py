"""The doctor beside a fit: it tells, writes, and changes nothing."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import torchsmith as ts
from tests.doctor.probes.modules import SHORT, Net, Notes, X, Y
from torchsmith.core.run_folder import RunFolder
from torchsmith.doctor.diagnosis import Diagnosis


class Cut(Net):
    def forward(self, x):
        return self.last(self.hidden(x).detach())


class Locked(Net):
    """Cannot be copied."""

    def __deepcopy__(self, memo):
        raise TypeError("cannot pickle '_thread.lock' object")


def fit(module, **given):
    return ts.fit(module, (X, Y), loss="CrossEntropyLoss", **{**SHORT, **given})


def test_a_fit_has_a_diagnosis_and_tells_what_is_no_note():
    observer = Notes()
    done = fit(Cut(), observer=observer)
    assert done.diagnosis.errors[0].code == "C3"
    assert done.diagnosis.reference.chance_loss > 0
    assert any(
        note.startswith("C3 error: The graph of gradients") for note in observer.notes
    )


class GoesWrong(Net):
    """Gives no numbers from its fifth call in train mode on."""

    calls = 0

    def forward(self, x):
        self.calls += self.training
        return super().forward(x) * (float("nan") if self.calls > 5 else 1.0)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_fit_that_diverges_says_where_before_it_ends(tmp_path, in_memory):
    observer, runs = Notes(), None if in_memory else tmp_path
    with pytest.raises(ts.TrainError, match="no longer a finite number"):
        fit(GoesWrong(), observer=observer, epochs=3, runs=runs)
    assert any(
        note.startswith("T1 error: Training diverges") for note in observer.notes
    )
    for path in tmp_path.iterdir():
        assert b'"T1"' in RunFolder(path).diagnosis.read_bytes()


def test_what_is_ignored_is_not_told_and_is_listed():
    observer = Notes()
    done = fit(Cut(), observer=observer, doctor={"ignore": ["C3"]})
    assert "C3" in done.diagnosis.ignored
    assert not any("C3" in note for note in observer.notes)


def test_a_fit_without_the_doctor_says_nothing():
    for doctor in ({"examine": False}, False):
        assert fit(Cut(), doctor=doctor).diagnosis == Diagnosis()
    assert fit(Cut(), doctor=True).diagnosis.errors


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"ignore": ["c3"]},
            r"^fit: doctor.ignore.0: there is no code 'c3'; did you mean 'C3'\? codes ",
        ),
        (
            {"ignore": ["T4", "Z9"]},
            "^fit: doctor.ignore.1: there is no code 'Z9'; codes are D1 to D38",
        ),
        ({"ignore": "T4"}, "^fit: doctor.ignore: must be a list, got 'T4'$"),
        (
            {"ignores": ["P4"]},
            "doctor.ignores: unknown key; did you mean 'ignore'. it takes examine, ign",
        ),
        ({"watch": True}, "^fit: doctor.watch: unknown key; it takes examine, ignore$"),
        ("no", "^fit: doctor: must be keys with values, got 'no'; it takes examine"),
        ("", "^fit: doctor: must be keys with values, got ''; it takes examine, ig"),
        (0, "^fit: doctor: must be keys with values, got 0; it takes examine, ignore"),
    ],
)
def test_a_setting_that_the_doctor_does_not_have_is_refused(given, words):
    with pytest.raises(ts.PlanError, match=words):
        fit(Net(), doctor=given)


def test_the_diagnosis_is_in_the_run_folder_and_stays_there_on_resume(tmp_path):
    done = fit(Cut(), runs=tmp_path, epochs=2)
    path = RunFolder(done.path).diagnosis
    written = Diagnosis.model_validate_json(path.read_bytes())
    assert written == done.diagnosis
    assert "C3" in [f.code for f in written.findings]
    again = fit(Cut(), runs=tmp_path, epochs=2, resume=done.path)
    assert [f.code for f in again.diagnosis.findings] == [
        f.code for f in done.diagnosis.findings
    ]


def test_a_damaged_diagnosis_keeps_no_fit_from_going_on(tmp_path):
    done = fit(Cut(), runs=tmp_path, epochs=2)
    RunFolder(done.path).diagnosis.write_text("{")
    again = fit(Cut(), runs=tmp_path, epochs=2, resume=done.path)
    assert len(again.history) == 2
    assert again.diagnosis.seconds["during"] >= 0


def test_a_module_that_cannot_be_copied_is_left_out_and_trained():
    done = fit(Locked())
    assert len(done.history) == 1
    assert done.diagnosis.errors == ()
    assert any("cannot pickle" in line for line in done.diagnosis.left_out)


@pytest.mark.parametrize("engine", ["eager", "captured", "compiled"])
def test_a_fit_ends_with_the_same_weights_without_the_doctor(engine):
    weights = []
    for examine in (True, False):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
        given = {"epochs": 8, "engine": engine, "doctor": {"examine": examine}}
        random = torch.get_rng_state()
        fit(module, **given)
        assert torch.equal(random, torch.get_rng_state())
        weights.append(torch.cat([p.detach().flatten() for p in module.parameters()]))
    assert torch.equal(*weights)


def test_pairs_in_a_list_with_targets_of_several_parts_are_looked_at():
    class Several(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 2)

        def forward(self, x):
            kind, size = self.layer(x).unbind(1)
            return {"kind": kind, "size": size}

    def loss(outputs, targets):
        kinds = F.binary_cross_entropy_with_logits(outputs["kind"], targets["kind"])
        return kinds + F.mse_loss(outputs["size"], targets["size"])

    rows = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    pairs = [(x, {"kind": (x[0] > 0).float(), "size": x.sum()}) for x in rows]
    done = ts.fit(Several(), pairs, loss=loss, epochs=1, runs=None)
    assert not any("TypeError" in line for line in done.diagnosis.left_out)
