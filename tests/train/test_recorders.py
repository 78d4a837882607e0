"""What is written for people while training goes on."""

from tests.train.test_tensorboard import record
from torchsmith.train.history import EpochRecord
from torchsmith.train.recorders import MetricsFile


def test_lines_of_epochs_that_are_trained_again_are_cut(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        "".join(f"{record(n).model_dump_json()}\n" for n in (1, 2)) + '{"ep'
    )
    MetricsFile(path, [record(1)]).on_epoch_end(record(2))
    lines = path.read_text().splitlines()
    assert [EpochRecord.model_validate_json(line).epoch for line in lines] == [1, 2]
