"""What the doctor says stands in the report."""

from dataclasses import replace

from tests.report import contents
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.evaluate.evaluation import Group, Score
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


def test_groups_that_do_worse_stand_with_the_results():
    content = contents.binary()
    group = Group(
        column="deck",
        name="<C>",
        rows=44,
        error=0.31,
        others=0.12,
        excess=Score(value=0.19, low=0.02, high=0.36),
        rival="linear model",
        rival_gain=Score(value=0.1, low=-0.1, high=0.3),
    )
    evaluation = content.evaluation.model_copy(update={"groups": (group,)})
    page = render(replace(content, evaluation=evaluation))
    assert "deck: &lt;C&gt;" in page
    assert "31.0\u00a0%</td><td>12.0\u00a0%</td><td>21.0\u00a0%" in page
    assert "Groups that do worse" not in render(content)
    group = group.model_copy(update={"rival": "", "rival_gain": None})
    evaluation = content.evaluation.model_copy(update={"groups": (group,)})
    page = render(replace(content, evaluation=evaluation))
    assert "deck: &lt;C&gt;" in page
    assert "best rival there" not in page


def test_a_mistake_that_all_rivals_make_is_marked():
    content = contents.images()
    first, *others = content.evaluation.mistakes
    named = tuple(r.title for r in content.evaluation.rivals if r.name != "constant")
    mistakes = (first.model_copy(update={"rivals": named}), *others)
    evaluation = content.evaluation.model_copy(update={"mistakes": mistakes})
    assert (
        render(replace(content, evaluation=evaluation)).count("so do all rivals") == 1
    )
