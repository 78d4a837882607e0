"""`torchsmith ARGUMENTS` until the first optimizer step is done, and no further."""

import os
import sys
from contextlib import contextmanager

from torchsmith.cli.main import main
from torchsmith.cli.output import Output


@contextmanager
def until_first_step(output: Output):
    """Give an observer that ends the process when it hears of a step."""
    from torchsmith.train.watch import TrainingObserver

    class FirstStep(TrainingObserver):
        def on_progress(self, progress) -> None:
            os._exit(0)

    yield FirstStep()


if __name__ == "__main__":
    Output.progress = until_first_step
    main()
    sys.exit("no step was heard of")
