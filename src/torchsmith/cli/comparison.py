"""What `train` prints of a study and of a lesson."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from torchsmith.cli.output import Output
from torchsmith.cli.runs import print_rows
from torchsmith.core.wording import four_digits
from torchsmith.report.text import (
    difference_texts,
    metric_title,
    score_texts,
    spread_text,
)

if TYPE_CHECKING:
    from torchsmith.api import LessonRun, StudyRun
    from torchsmith.core.vocabulary import Metric
    from torchsmith.evaluate.evaluation import Score


def show_study(run: "StudyRun", output: Output) -> None:
    """Print the table of a study, and where its files are."""
    results = run.results
    metric = results.metric
    is_single = len(results.rows) == 1
    rows = [
        {
            "variant": row.variant,
            f"test {metric_title(metric)}": _cell(score_texts, metric, row.score),
            **(
                {}
                if is_single
                else {"difference": _cell(difference_texts, metric, row.difference)}
            ),
            **{
                f"after {change.strip('{}')}": _cell(score_texts, metric, score)
                for change, score in row.changed.items()
            },
            "epochs": f"{round(row.epochs, 1):g}",
            "seconds": f"{row.seconds:.1f}",
            **({"failed": "; ".join(row.failed)} if row.failed else {}),
        }
        for row in results.rows
    ]
    output.say(results.title)
    print_rows(rows, output)
    first, num_seeds = results.rows[0].variant, len(results.seeds)
    means = f"Means over {num_seeds} seeds with their 95 % intervals"
    what = means if num_seeds > 1 else "One seed, so no intervals"
    if is_single:
        spread = spread_text(metric, results.rows[0].values)
        output.say(f"\n{what}{spread and f'. Of the seeds: {spread}'}.")
    else:
        output.say(f"\n{what}; differences to {first}, positive is better.")
    output.say(f"\nStudy:  {run.path}")
    output.say(f"Report: {run.report_path}")


def show_lesson(run: "LessonRun", output: Output) -> None:
    """Print what a lesson found, and where its files are."""
    record = run.record
    output.say(record.title)
    for name, value in record.result.numbers.items():
        text = four_digits(value) if isinstance(value, float) else str(value)
        output.say(f"  {name}: {text}")
    for title, rows in record.result.tables.items():
        output.say(f"\n{title}")
        print_rows(rows, output)
    output.say(f"\nLesson:  {run.path}")
    output.say(f"Report:  {run.report_path}")
    output.say(f"Program: {run.folder.program}")


def _cell(
    texts: "Callable[[Metric, Score], tuple[str, str]]",
    metric: "Metric",
    score: "Score | None",
) -> str:
    if score is None:
        return ""
    value, interval = texts(metric, score)
    return f"{value} ({interval})" if interval else value
