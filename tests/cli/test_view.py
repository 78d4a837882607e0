import io

import pytest
from rich.console import Console

from torchsmith.api.lines import Lines
from torchsmith.cli.output import is_live
from torchsmith.cli.view import LiveView
from torchsmith.core.errors import TrainError
from torchsmith.train.history import EpochRecord
from torchsmith.train.watch import Progress


def epoch(number, **changes):
    values = {
        "epoch": number,
        "step": number * 10,
        "train_loss": 1 / number,
        "val_loss": 1.5 / number,
        "metrics": {"accuracy": 1 - 0.5 / number},
        "lr": 0.001,
        "seconds": 0.4,
        "examples_per_second": 12345.6,
        "best": number == 2,
    }
    return EpochRecord(**{**values, **changes})


def progress(epoch, step, **changes):
    values = {
        "epoch": epoch,
        "num_epochs": 40,
        "step": step,
        "num_steps": 400,
        "loss": 0.25,
        "lr": 0.001,
        "examples_per_second": 12345.6,
        "seconds": 61.0,
        "seconds_left": 3723.0,
    }
    return Progress(**{**values, **changes})


@pytest.fixture
def page():
    return io.StringIO()


def plain_view(page, times=(0.0,)):
    ticks = iter(times)
    last = [0.0]

    def now():
        last[0] = next(ticks, last[0])
        return last[0]

    return Lines(lambda text: page.write(f"{text}\n"), now=now)


def test_the_plain_view_says_that_one_epoch_is_one(page):
    plain_view(page).on_start(1, 712, 123456, "cpu")
    assert page.getvalue().endswith("at most 1 epoch, cpu\n")


def test_the_plain_view_prints_one_line_a_stage_and_an_epoch(page):
    view = plain_view(page)
    view.stage("Reading train.csv", 100)
    view.advance(50)
    view.note("column 'age': 3 values are missing")
    view.finding("D15 error: inputs say nothing about the target")
    view.on_start(40, 712, 123456, "cpu")
    for number in (1, 2):
        view.on_progress(progress(number, number * 10))
        view.on_epoch_end(epoch(number))
    view.on_end("stopped early: val_loss rose")
    assert page.getvalue().splitlines() == [
        "Reading train.csv",
        "note: column 'age': 3 values are missing",
        "D15 error: inputs say nothing about the target",
        "Training 123,456 parameters on 712 examples, at most 40 epochs, cpu",
        "epoch 1/40  loss 1.000  val_loss 1.500  accuracy 0.5000  lr 1.00e-03  "
        "12,346 examples/s  0.4 s",
        "epoch 2/40  loss 0.5000  val_loss 0.7500  accuracy 0.7500  lr 1.00e-03  "
        "12,346 examples/s  0.4 s  best",
        "Stopped early: val_loss rose",
    ]


def test_the_plain_view_prints_a_line_every_ten_seconds_of_a_long_stage(page):
    view = plain_view(page, times=(0.0, 0.0, 9.9, 10.0, 10.0, 15.0))
    view.stage("Reading train.csv", 3000)
    for done in (900, 1000, 1500):
        view.advance(done)
    assert page.getvalue().splitlines() == [
        "Reading train.csv",
        "Reading train.csv: 1,000 of 3,000",
    ]


def test_the_plain_view_prints_a_line_every_ten_seconds_of_a_long_epoch(page):
    view = plain_view(page, times=(0.0, 0.0, 9.9, 10.0, 10.0, 15.0))
    view.on_start(40, 712, 1, "cpu")
    for step in (9, 10, 15):
        view.on_progress(progress(1, step))
    assert page.getvalue().splitlines()[1:] == [
        "epoch 1/40  step 10/400  loss 0.2500  lr 1.00e-03  12,346 examples/s  "
        "1:02:03 left"
    ]


def test_the_plain_view_does_without_a_validation_part(page):
    view = plain_view(page)
    view.on_start(1, 10, 1, "cpu")
    view.on_epoch_end(epoch(1, val_loss=None, metrics={}))
    assert "val_loss" not in page.getvalue()
    assert "None" not in page.getvalue()


def live_console(page, **changes):
    values = {"width": 80, "height": 24, "force_terminal": True}
    return Console(file=page, **{**values, **changes})


def frame(view, page):
    """What the live view shows now, as text."""
    console = Console(file=page, width=80, height=24)
    page.seek(0)
    page.truncate()
    console.print(view._render())
    return page.getvalue()


def test_the_live_view_shows_the_stage_and_how_far_it_is(page):
    view = LiveView(live_console(io.StringIO()))
    view.stage("Reading train.csv", 3000)
    view.advance(900)
    assert "Reading train.csv" in frame(view, page)
    assert "900 of 3,000" in frame(view, page)


def test_both_views_show_how_long_a_stage_will_take_where_that_is_known(page):
    plain = plain_view(page, times=(0.0, 0.0, 10.0))
    plain.stage("3 of 18: Adam, seed 0", 15)
    plain.advance(4, 75.0)
    assert page.getvalue().endswith("3 of 18: Adam, seed 0: 4 of 15, 1:15 left\n")
    view = LiveView(live_console(io.StringIO()))
    view.stage("3 of 18: Adam, seed 0", 15)
    view.advance(4, 75.0)
    assert "1:15 left" in frame(view, page)
    view.stage("4 of 18: Adam, seed 1", 15)
    assert "left" not in frame(view, page)


def test_the_live_view_shows_loss_rate_speed_time_left_and_the_curve(page):
    view = LiveView(live_console(io.StringIO()))
    view.on_start(40, 712, 123456, "cpu")
    for number in (1, 2, 3):
        view.on_epoch_end(epoch(number))
    view.on_progress(progress(4, 33))
    shown = frame(view, page)
    assert "epoch 4/40" in shown
    assert "1:01, 1:02:03 left" in shown
    assert "loss 0.2500   lr 1.00e-03   examples/s 12,346   val_loss █▃▁" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_the_live_view_shows_the_last_epochs_and_marks_the_best(page):
    view = LiveView(live_console(io.StringIO()))
    view.on_start(40, 712, 123456, "cpu")
    for number in range(1, 31):
        view.on_epoch_end(epoch(number, best=number == 28))
    rows = frame(view, page).splitlines()[1:]
    assert [row.split()[0] for row in rows if row.strip()][:10] == [
        str(number) for number in range(21, 31)
    ]
    assert [row.split()[0] for row in rows if row.rstrip().endswith("best")] == ["28"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 8)])
def test_the_live_view_stays_within_the_terminal(page, width, height):
    view = LiveView(live_console(io.StringIO(), width=width, height=height))
    view.on_start(40, 712, 123456, "cpu")
    for number in range(1, 31):
        view.on_epoch_end(epoch(number))
    view.on_progress(progress(31, 310))
    console = Console(file=page, width=width, height=height)
    console.print(view._render())
    lines = page.getvalue().splitlines()
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)


def test_the_live_view_leaves_stages_notes_and_epochs_behind(page):
    with LiveView(live_console(page, no_color=True, width=100)) as view:
        view.note("3 values of [red] are missing")
        view.on_start(40, 712, 123456, "cpu")
        view.on_epoch_end(epoch(1))
        view.on_end("stopped early: val_loss rose")
    left = page.getvalue()
    assert "! 3 values of [red] are missing" in left
    assert "Training 123,456 parameters on 712 examples, cpu" in left
    assert "0.5000" in left
    assert "✓ Stopped early: val_loss rose" in left


def fail_after_an_epoch(view):
    with view:
        view.on_start(40, 712, 123456, "cpu")
        view.on_epoch_end(epoch(7))
        raise TrainError("the loss is not a number")


def test_the_live_view_gives_the_terminal_back_after_an_error(page):
    view = LiveView(live_console(page))
    with pytest.raises(TrainError):
        fail_after_an_epoch(view)
    left = page.getvalue()
    assert left.rfind("\x1b[?25h") > left.rfind("\x1b[?25l")  # the cursor is shown
    assert "    7" in left


@pytest.mark.parametrize("terminal", ["dumb", "unknown"])
def test_a_dumb_terminal_gets_plain_lines(page, terminal):
    console = live_console(page, _environ={"TERM": terminal})
    assert not is_live(console)


def test_a_terminal_without_utf8_gets_plain_lines():
    page = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    assert not is_live(live_console(page))
    assert is_live(live_console(io.TextIOWrapper(io.BytesIO(), encoding="utf-8")))
