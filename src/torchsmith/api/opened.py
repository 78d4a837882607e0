"""What every run folder has, whether of a run, a study or a lesson."""

from abc import ABC, abstractmethod
from pathlib import Path

from torchsmith.core.files import write_atomic
from torchsmith.core.run_folder import RunFolder


class Opened(ABC):
    """A run folder, opened.

    Attributes:
        path: The folder.
        folder: Its files.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = RunFolder(path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def report_path(self) -> Path:
        """Where the report is, once it is written."""
        return self.folder.report

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report again from the run folder, and return its path.

        Args:
            path: Where; `report.html` in the run folder where not given.
        """
        target = self.report_path if path is None else Path(path)
        write_atomic(target, self._report_html())
        return target

    @abstractmethod
    def _report_html(self) -> str:
        """Make the page."""
