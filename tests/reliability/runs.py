"""Running the job of `jobs` in a process of its own."""

import os

from tests.processes import PROCESSES
from tests.reliability.jobs import command_line, train_or_resume


def run(folder, fatal=0, answers=None):
    """Go on with the job, or begin it; return the exit code."""
    process = PROCESSES.Process(target=train_or_resume, args=(folder, fatal, answers))
    process.start()
    process.join()
    return process.exitcode


class Command:
    """`torchsmith` in a process of its own; iterating gives its lines as they come."""

    def __init__(self, folder, *arguments):
        lines, output = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(
            target=command_line, args=(folder, arguments, output)
        )
        self.process.start()
        output.close()
        self.lines = os.fdopen(os.dup(lines.fileno()))
        lines.close()

    def send(self, number, after):
        """Send a signal once a line that begins so was printed."""
        for line in self.lines:
            if line.startswith(after):
                os.kill(self.process.pid, number)
                return
        raise AssertionError(f"no line began with {after!r}")

    def end(self):
        """Return the exit code and what was printed since."""
        with self.lines:
            text = self.lines.read()
        self.process.join()
        return self.process.exitcode, text
