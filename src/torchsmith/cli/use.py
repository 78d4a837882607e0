"""`torchsmith predict`, `evaluate` and `report`: what a run is good for."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from torchsmith.cli.options import (
    check_folder,
    check_writable,
    file_option,
    force_option,
    output_options,
    runs_option,
)
from torchsmith.cli.output import Output
from torchsmith.core.wording import amount, four_digits
from torchsmith.data.write import CSV_ENDING

if TYPE_CHECKING:
    from torchsmith.api.predictions import Predictions

NUM_SHOWN = 20


@click.command(
    epilog="""\b
Examples:
  torchsmith predict last new.csv -o predictions.csv --keep customer_id
  torchsmith predict runs/2026-11-20-1432-housing new.csv
  torchsmith predict 2026-11-20-1432-photos new_photos/ --json
"""
)
@click.argument("run")
@click.argument("source")
@file_option("Write all predictions to this CSV file; otherwise the first are shown.")
@force_option
@click.option(
    "--keep",
    metavar="COL",
    multiple=True,
    help="Copy this column of SOURCE, such as an id, into the file; may be repeated.",
)
@runs_option
@output_options
def predict(
    run: str,
    source: str,
    path: Path | None,
    force: bool,  # noqa: FBT001
    keep: tuple[str, ...],
    runs_folder: Path,
    output: Output,
) -> None:
    """Predict for new data with a trained run.

    The data passes through the preparation that was fitted in training. Columns may
    stand in any order; the target need not be there.
    """
    check_writable(path, CSV_ENDING, force=force, source=source)
    with output.progress() as observer:
        from torchsmith import api

        predictions = api.load_run(run, runs=runs_folder).predict(
            source, keep=keep, observer=observer
        )
        for note in predictions.notes:
            observer.note(note)
        if path is not None:
            predictions.write(path)
    if output.as_json:
        output.json(predictions.to_dict())
    elif path is None:
        _print_predictions(predictions, output)
    else:
        told = amount(len(predictions.texts), "prediction is", "predictions are")
        output.say(str(path) if output.quiet else f"{told} in {path}")


def _print_predictions(predictions: "Predictions", output: Output) -> None:
    texts = predictions.texts
    shown = len(texts) if output.quiet else NUM_SHOWN
    columns = [predictions.where, *predictions.kept.values(), texts]
    if predictions.probabilities is not None:
        highest = predictions.probabilities[:shown].max(axis=1).tolist()
        columns.append([four_digits(probability) for probability in highest])
    elif intervals := predictions.interval_texts:
        columns.append(intervals)
    for row in zip(*(column[:shown] for column in columns), strict=True):
        output.say("\t".join(row))
    if len(texts) > shown:
        output.say(
            f"… {len(texts) - shown:,} more; write all of them with -o predictions.csv"
        )


@click.command(
    epilog="""\b
Examples:
  torchsmith evaluate last
  torchsmith evaluate last --on newer.csv
  torchsmith evaluate runs/2026-11-20-1432-housing --json
"""
)
@click.argument("run")
@click.option("--on", "source", help="Score on other data, which has the target.")
@runs_option
@output_options
def evaluate(run: str, source: str | None, runs_folder: Path, output: Output) -> None:
    """Show a run's scores with intervals, beside simple rivals."""
    with output.progress() as observer:
        from torchsmith import api

        loaded = api.load_run(run, runs=runs_folder)
        if source is None:
            evaluation = loaded.evaluation
        else:
            evaluation = loaded.evaluate(source, observer=observer)
    if output.as_json:
        output.json(evaluation.model_dump(mode="json"))
        return
    from torchsmith.cli.scores import print_evaluation

    print_evaluation(evaluation, output.console, loaded.plan.split.num_folds)


@click.command(
    epilog="""\b
Examples:
  torchsmith report last
  torchsmith report last -o for-my-boss.html
  torchsmith report runs/2026-11-20-1432-housing --open
"""
)
@click.argument("run")
@file_option("Write the report here rather than into the run folder.")
@force_option
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
@runs_option
@output_options
def report(
    run: str,
    path: Path | None,
    force: bool,  # noqa: FBT001
    show: bool,  # noqa: FBT001
    runs_folder: Path,
    output: Output,
) -> None:
    """Write a run's report again: one HTML file that needs no network."""
    check_writable(path, ".html", ".htm", force=force)
    with output.progress() as observer:
        from torchsmith import api

        loaded = api.open_run(run, runs=runs_folder)
        check_folder(path or loaded.report_path)
        observer.stage("Writing the report")
        written = loaded.report(path)
    if output.as_json:
        output.json({"run": str(loaded.path), "report": str(written)})
    else:
        output.say(str(written))
    if show:
        click.launch(str(written))
