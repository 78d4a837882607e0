"""The doctor beside a run, and a run beside what the doctor wrote."""

import torchsmith as ts
from torchsmith.train.watch import TrainingObserver

QUICK = {"training.epochs": 2, "training.threads": 1}


class Notes(TrainingObserver):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_a_damaged_diagnosis_keeps_no_run_from_going_on(tmp_path):
    run = ts.train("iris", settings=QUICK, runs=tmp_path)
    (run.path / "outcome.json").unlink()
    (run.path / "diagnosis.json").write_text("{")
    observer = Notes()
    again = ts.train(resume=run.path, observer=observer)
    assert again.diagnosis.seconds["during"] >= 0
    assert any(
        "diagnosis.json: is damaged; it is begun anew" in n for n in observer.notes
    )


def test_a_plan_that_wants_no_doctor_gets_none(tmp_path):
    settings = {**QUICK, "doctor.examine": False}
    run = ts.train("iris", settings=settings, runs=tmp_path)
    assert not (run.path / "diagnosis.json").exists()
    assert not (run.path / "signals.jsonl").exists()
    assert run.diagnosis.findings == ()


def test_what_a_plan_ignores_is_counted_and_not_told(tmp_path):
    settings = {**QUICK, "doctor.ignore": ["D26"]}
    diagnosis = ts.train("iris", settings=settings, runs=tmp_path).diagnosis
    assert "D26" in diagnosis.ignored
    assert "D26" not in {finding.code for finding in diagnosis.findings}
