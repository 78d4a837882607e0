"""Who is told what is going on, so that nothing over two seconds is silent."""


class Observer:
    """Is told what is going on, and does nothing; views override what they show."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage, such as `"Reading train.csv"`, of `total` items if known."""

    def advance(self, done: int, seconds_left: float | None = None) -> None:
        """Say how many items of the stage are done, and how long all will take."""

    def note(self, text: str) -> None:
        """Tell the person one line that they should know."""

    def finding(self, text: str) -> None:
        """Tell the person one line about what was found, which says how grave it is."""
        self.note(text)

    def line(self, text: str) -> None:
        """Pass on one line that a program prints, as it is."""


QUIET = Observer()
"""Tells nobody."""
