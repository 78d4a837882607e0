"""What the doctor says stands in the report."""

from dataclasses import replace

from tests.report import contents
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.report.doctor import doctor_view, signal_charts
from torchsmith.report.render import render


def test_the_section_follows_the_verdict_where_the_doctor_was_asked():
    page = render(contents.sick())
    verdict, doctor, data = (
        page.index(f'<section id="{name}"') for name in ("verdict", "doctor", "data")
    )
    assert verdict < doctor < data
    assert '<section id="doctor"' not in render(contents.images())


def test_findings_stand_in_their_order_with_title_remedy_and_settings():
    page = render(contents.sick())
    section = page[
        page.index('<section id="doctor"') : page.index('<section id="data"')
    ]
    first, second = section.index("The learning rate is too high"), section.index("T4")
    assert first < second
    assert "Lower <code>lr</code> five times." in section
    assert "<code>--set optimizer.AdamW.lr=0.0002</code>" in section
    assert "1 error and 1 warning; the likely cause is P1." in section
    assert "Ignored: T5." in section
    assert "Not looked at: Nearest neighbours: there was no time." in section


def test_what_stands_with_the_data_is_not_said_twice():
    content = contents.binary()
    found = content.inspection.findings
    shown = doctor_view(replace(content, diagnosis=Diagnosis(findings=found)))
    assert shown["notes"] == shown["serious"] == []
    assert shown["of_data"]


def test_where_nothing_is_wrong_the_section_says_so():
    shown = doctor_view(replace(contents.images(), diagnosis=Diagnosis()))
    assert shown["summary"] == "Nothing is wrong as far as it sees."
    assert shown["serious"] == shown["notes"] == shown["charts"] == []


def test_signals_are_drawn_for_each_layer_once_there_are_two():
    ratio, dead = signal_charts([contents.signals(epoch) for epoch in range(3)])
    assert "mlp.0" in ratio
    assert "mlp.1" in dead
    assert signal_charts([contents.signals(0)]) == []


def test_the_first_steps_to_try_are_what_the_doctor_says():
    page = render(contents.sick())
    steps = page[page.index('<ol class="steps">') :]
    assert "P1: The learning rate is too high" in steps[:200]
