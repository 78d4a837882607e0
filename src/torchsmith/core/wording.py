"""How numbers, times, sizes and lists are written for people."""

import math
from collections.abc import Iterable

SHOWN = 5
"""How many lines or names a message lists before it says how many more there are."""

MOST_QUOTED = 80
"""So many characters of a value are quoted."""


def duration(seconds: float) -> str:
    """Return a length of time in the two units that matter.

    >>> [duration(s) for s in (0.234, 9.6, 48.7, 60, 75, 7265)]
    ['0.2 s', '9.6 s', '49 s', '1 min', '1 min 15 s', '2 h 1 min']
    """
    if not math.isfinite(seconds):
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    big, small, units = whole // 60, whole % 60, ("min", "s")
    if whole >= 3600:
        big, small, units = whole // 3600, whole % 3600 // 60, ("h", "min")
    return f"{big} {units[0]}" + (f" {small} {units[1]}" if small else "")


def rough_duration(seconds: float) -> str:
    """Return a length of time that was chosen or foretold, by two digits.

    >>> [rough_duration(s) for s in (3.21, 48.7, 180, 5400, 1_000_000)]
    ['3.2 s', '49 s', '3 min', '1.5 h', '278 h']
    """
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "h" and seconds >= size):
            count = seconds / size
            return f"{count:.2g} {unit}" if count < 99.5 else f"{count:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def clock(seconds: float) -> str:
    """Return a length of time of a steady width.

    >>> [clock(s) for s in (0.2, 75, 7265)]
    ['0:00', '1:15', '2:01:05']
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def four_digits(value: float | None) -> str:
    """Return a measured number with four significant digits, also where they are zeros.

    >>> [four_digits(v) for v in (0.123456, 12.3456, 48213.7, 0.0000123, 0, None)]
    ['0.1235', '12.35', '48,214', '1.23e-05', '0', '-']
    """
    if value is None:
        return "-"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size < 0.001:
        return f"{value:.2e}"
    return f"{value:#.4g}".rstrip(".")


def amount(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun.

    >>> amount(1, "row"), amount(1200, "row"), amount(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def share(part: float, whole: float) -> str:
    """Return a part of a whole in per cent, never a false 0 or 100.

    >>> [share(part, 20640) for part in (0, 1, 207, 20639, 20640)]
    ['0 %', '<0.1 %', '1.0 %', '>99.9 %', '100 %']
    """
    if whole <= 0:
        return "–"
    if part in (0, whole):
        return f"{100 * part / whole:.0f} %"
    if part / whole < 0.001:
        return "<0.1 %"
    if part / whole > 0.999:
        return ">99.9 %"
    return f"{100 * part / whole:.1f} %"


def percent(share: float, decimals: int = 0) -> str:
    """Return a share in per cent.

    >>> percent(0.62), percent(0.597, 1)
    ('62 %', '59.7 %')
    """
    return f"{100 * share:.{decimals}f} %"


def gigabytes(count: float) -> str:
    """Return a number of bytes.

    >>> gigabytes(3_400_000_000)
    '3.4 GB'
    """
    return f"{count / 1e9:.1f} GB"


def sentence(text: str) -> str:
    """Return the text with a capital first letter.

    >>> sentence("stopped early: val_loss rose")
    'Stopped early: val_loss rose'
    """
    return text[:1].upper() + text[1:]


def in_quotes(text: str) -> str:
    r"""Quote a value of a file: on one line, and no more of it than one needs.

    >>> in_quotes("two\nlines"), len(in_quotes("long" * 1000))
    ("'two lines'", 83)
    """
    shown = text if len(text) <= MOST_QUOTED else f"{text[:MOST_QUOTED]}…"
    return f"'{''.join(sign if sign.isprintable() else ' ' for sign in shown)}'"


def listed(items: Iterable[str], shown: int = SHOWN, count: int | None = None) -> str:
    """Join names, and say how many are left out.

    Args:
        items: The names.
        shown: How many of them to write.
        count: How many there are in all, where `items` are only the first.

    >>> listed(["a", "b"]), listed("abcdefg"), listed(["a", "b"], count=400)
    ('a, b', 'a, b, c, d, e and 2 more', 'a, b and 398 more')
    """
    names = list(items)
    written = names[:shown]
    more = (len(names) if count is None else count) - len(written)
    return ", ".join(written) + (f" and {more:,} more" if more else "")


def sparkline(values: list[float], width: int) -> str:
    """Draw finite values as blocks, the last `width` of them, low to high.

    >>> sparkline([4.0, 2.0, math.inf, 1.0, math.nan, 1.5], 10)
    '█▃▁▂'
    """
    blocks = "▁▂▃▄▅▆▇█"
    shown = [value for value in values if math.isfinite(value)][-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    if high == low:
        return blocks[0] * len(shown)
    steps = [(value - low) / (high - low) * (len(blocks) - 1) for value in shown]
    return "".join(blocks[round(step)] for step in steps)
