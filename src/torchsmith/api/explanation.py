"""What `explain` answers with."""

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchsmith.core.files import write_atomic

if TYPE_CHECKING:
    from torchsmith.report.explained import Explained

_FRAME = (
    '<iframe srcdoc="{}" sandbox="" style="width:100%;height:36rem;border:0"></iframe>'
)


@dataclass(frozen=True)
class Explanation:
    """A page that shows what is inside, and what it shows.

    In a notebook it is displayed as it is.

    Attributes:
        content: What is shown, as values: `graph`, `layers`, `weights`, `examples`, ….
    """

    content: "Explained"

    @cached_property
    def html(self) -> str:
        """One HTML page that needs nothing else."""
        from torchsmith.report.explanation import render_explanation

        return render_explanation(self.content)

    @property
    def numbers(self) -> dict[str, Any]:
        """What is shown, as plain values that fit into JSON."""
        return self.content.numbers()

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, and return its path.

        Raises:
            TrainError: The disk is full, read-only, or failed.
        """
        write_atomic(Path(path), self.html)
        return Path(path)

    def _repr_html_(self) -> str:
        """Show the page in a notebook, apart from the notebook's own style."""
        return _FRAME.format(escape(self.html, quote=True))

    def __repr__(self) -> str:
        return f"Explanation({self.content.title!r})"
