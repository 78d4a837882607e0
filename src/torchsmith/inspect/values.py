"""Checks of the values of each input column."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from torchsmith.core.vocabulary import ColumnRole
from torchsmith.core.wording import amount, in_quotes, listed, share
from torchsmith.data.data import MISSING_TARGET, Change
from torchsmith.data.dates import FORMS_READ
from torchsmith.data.lines import Named
from torchsmith.data.numerals import NUMBERS_READ
from torchsmith.data.picture_files import OUTSIDE
from torchsmith.data.strays import TIMES
from torchsmith.data.tabular import FLOAT32_MAX
from torchsmith.inspect.inspection import Finding
from torchsmith.inspect.missing_codes import find_codes, find_missing_codes
from torchsmith.inspect.profile import Profile
from torchsmith.inspect.spellings import find_spellings
from torchsmith.inspect.wording import agree, number, quoted

FAR = 30.0
"""Interquartile ranges beyond the quartile at which a number is extreme."""

FAR_ON_LOG = 4.0
"""The same on a logarithmic scale, so that a long tail alone is not extreme."""

NEARLY_CONSTANT = 0.999
RARE_LEVEL = 10

_FILLED = "fills in the median of the training part and adds a flag"
"""What is done about a number that is missing."""

_OF_NO_VALUE = ("no name in the header", "no channel", "jumps here", "are uneven")
"""What is said of a column, not of values in it."""

_WEIGHT_NAME = re.compile(
    r"fnlwgt|wgt|^p?weights?$|(sample|final|person|survey|case|row)[_\s.-]?w(eigh)?ts?$"
    r"|가중치",
    re.IGNORECASE,
)

Roles = Mapping[str, tuple[ColumnRole, str]]


def find_in_values(
    profiles: Sequence[Profile],
    roles: Roles,
    where: Named,
    changes: Sequence[Change],
    names: Collection[str],
) -> Iterator[Finding]:
    """Check the values of every input column by itself.

    Args:
        profiles: The input columns.
        roles: What each is used as, and why.
        where: Names rows in messages.
        changes: What reading changed, to say which texts were read as missing.
        names: The columns whose categories are to have few rows each.
    """
    for profile in profiles:
        role, reason = roles[profile.name]
        if role != "ignore":
            yield from find_infinite(profile, where)
        yield from _constant(profile, roles)
        if profile.distinct and role != "picture":
            yield from _missing(profile, where, changes, role)
        if role == "number":
            codes = find_codes(profile)
            then = f"Torchsmith then {_FILLED}"
            yield from find_missing_codes(profile, codes, where, then)
            yield from _extreme(profile, where, codes)
            yield from _weight(profile)
        elif role == "category":
            yield from find_spellings(profile, where, "category", "categories")
            if profile.name not in names:
                yield from _rare(profile)
        elif (
            role == "ignore"
            and profile.distinct > 1
            and not reason.startswith("equal to")
        ):
            yield from _set_aside(profile, reason)


def _how_often(change: Change) -> str:
    """Say how many values, or lines, pictures and columns, were changed."""
    count, what = change.count, change.what
    # A path is told whole: one goes there.
    quote = in_quotes if change.column else "'{}'".format
    told = [f"first: {quote(change.example)}"] if change.example else []
    how_many = ""
    if not change.column or any(words in what for words in _OF_NO_VALUE):
        told = [f"{count:,}", *told] if count > 1 else told
    elif "read as text" not in what:
        how_many = f" in {amount(count, 'value')}"
    return f"{how_many} ({', '.join(told)})" if told else how_many


COUNTED = ("blank line", "window")
"""What reading leaves out, as its changes begin; a note says how many."""


def left_out(change: Change) -> str:
    """Say what reading did not take of a source; empty where it took all.

    That is examples, and files and links that may be some.
    """
    what = change.what
    if "left out" not in what and "not followed" not in what:
        return ""
    if what.startswith("damaged "):
        return what  # it names all of them
    if what == MISSING_TARGET:
        return f"{amount(change.count, 'row')} left out: no target ({change.place})"
    if not change.lines:
        return f"{what}{_how_often(change)}"
    return f"{counted(change)} ({change.place})"


def counted(change: Change) -> str:
    """Begin with how many lines or windows were left out: `2 blank lines left out`."""
    what = change.what
    noun = next((noun for noun in COUNTED if what.startswith(noun)), "")
    return f"{amount(change.count, noun)}{what.removeprefix(noun)}" if noun else what


def find_changes(changes: Sequence[Change]) -> Iterator[Finding]:
    """Report what reading changed, but for missing and infinite values."""
    for change in changes:
        if "read as missing" in change.what or "infinite" in change.what:
            continue
        subject = f"'{change.column}': " if change.column else ""
        spoiled = "read as text" in change.what
        message = f"{subject}{change.what}{_how_often(change)}."
        remedy = "Prediction reads new files in the same way."
        if spoiled:
            held = "dates" if "dates" in change.what else "numbers"
            remedy = (
                "Correct these values, or leave them empty so that they count as "
                f"missing; then the column holds {held}."
            )
            if "no form" in change.what or "several ways" in change.what:
                forms = FORMS_READ if held == "dates" else NUMBERS_READ
                remedy = f"Write all of them in one form that is read: {forms}."
            elif TIMES in change.what:
                remedy = (
                    "Write them as numbers, such as 9.5 for 9:30, or with their date."
                )
        elif change.what == MISSING_TARGET:
            message = f"{amount(change.count, 'row')} left out: no target."
            remedy = (
                "Fill in what is known; data.drop_missing_target: false refuses such "
                "rows."
            )
        elif change.what.endswith(OUTSIDE):
            remedy = (
                "Put them into the folder of their class, to learn from them; "
                "prediction takes all that lie in a folder."
            )
        yield Finding(
            code="D17",
            severity="warning" if spoiled else "note",
            message=message,
            where=place_of(change),
            remedy=remedy,
        )


def place_of(change: Change) -> str:
    """Say in which column, and on which lines, reading changed something."""
    column = f"column '{change.column}'" if change.column else ""
    return ", ".join(filter(None, (column, change.place)))


def find_infinite(profile: Profile, where: Named) -> Iterator[Finding]:
    """Check a column, such as the target, for infinite values."""
    if profile.kind != "number":
        return
    infinite = np.abs(profile.column.values) > FLOAT32_MAX
    if infinite.any():
        count = amount(int(infinite.sum()), "infinite value")
        if not np.isinf(profile.column.values).any():
            count = amount(int(infinite.sum()), "value") + f" beyond ±{FLOAT32_MAX:.2g}"
        yield Finding(
            code="D1",
            severity="error",
            message=f"'{profile.name}' has {count}.",
            where=f"column '{profile.name}', {where.places(np.flatnonzero(infinite))}",
            remedy="Correct them, or leave the fields empty so that they count as "
            "missing.",
        )


def _constant(profile: Profile, roles: Roles) -> Iterator[Finding]:
    where = f"column '{profile.name}'"
    if roles[profile.name][0] == "ignore" and profile.distinct < 2:
        what = f"'{profile.levels[0]}' in every row" if profile.levels else "no value"
        yield Finding(
            code="D2",
            severity="note",
            message=f"'{profile.name}' has {what}.",
            where=where,
            remedy="Torchsmith leaves the column out.",
        )
    elif profile.distinct > 1:
        top = int(profile.counts.argmax())
        count = int(profile.counts[top])
        if count >= NEARLY_CONSTANT * profile.num_rows:
            others = amount(profile.num_rows - count, "row")
            yield Finding(
                code="D2",
                severity="note",
                message=f"'{profile.name}' is '{profile.levels[top]}' in all but "
                f"{others}.",
                where=where,
                remedy="So few rows teach little; the column may be left out.",
            )


def _missing(
    profile: Profile, where: Named, changes: Sequence[Change], role: ColumnRole
) -> Iterator[Finding]:
    if not profile.num_missing:
        return
    gone = np.flatnonzero(profile.missing)
    written = [
        f"{change.what} ({change.count:,})"
        for change in changes
        if change.column == profile.name and "read as missing" in change.what
    ]
    count, rows = profile.num_missing, profile.num_rows
    mostly = 2 * count > rows
    remedy = "Torchsmith treats missing as a category of its own."
    if profile.kind != "text":
        remedy = f"Torchsmith {_FILLED}."
    if profile.kind == "date":
        remedy = "Torchsmith flags the rows; fill the dates in if they can be known."
    if role == "text":
        remedy = "Torchsmith adds a column that says so."
    if role == "ignore":
        remedy = "Torchsmith does not use the column."
    elif mostly:
        remedy += " Leave the column out if it will be as empty in use."
    yield Finding(
        code="D16",
        severity="warning" if mostly else "note",
        message=f"'{profile.name}' is missing in {amount(count, 'row')} "
        f"({share(count, rows)}).",
        where=f"column '{profile.name}', {where.places(gone)}",
        evidence=listed(written),
        remedy=remedy,
    )


def _extreme(profile: Profile, where: Named, codes: np.ndarray) -> Iterator[Finding]:
    values = profile.column.values
    present = profile.present[~np.isin(profile.present, codes)]
    if not len(present):
        return
    far = np.where(np.isin(values, codes), 0.0, _distance(values, present))
    if (far > FAR).any() and present.min() >= 0:
        scale = float(np.median(present))
        if scale > 0:
            # A long tail is common and harmless: it must be far on a log scale too.
            logs = _distance(_log(values, scale), _log(present, scale))
            far = np.where(logs > FAR_ON_LOG, far, 0.0)
    extreme = np.flatnonzero(far > FAR)
    if not len(extreme):
        return
    worst = extreme[np.argsort(-far[extreme], kind="stable")]
    low, high = np.quantile(present, [0.25, 0.75])
    value = number(float(values[worst[0]]))
    yield Finding(
        code="D18",
        severity="note",
        message=f"'{profile.name}' has {amount(len(extreme), 'value')} far from all "
        f"others, up to {value}; half of all lie between {number(float(low))} and "
        f"{number(float(high))}.",
        where=f"column '{profile.name}', {where.places(worst)}",
        evidence=f"{number(round(float(far[worst[0]]), 1))} interquartile ranges away",
        remedy="Check these rows; `RobustScale` keeps them from dominating.",
    )


def _log(values: np.ndarray, scale: float) -> np.ndarray:
    # Values that D1 reports may lie below 0 or overflow; they are no outliers here.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return np.log1p(values / scale)


def _distance(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    low, high = np.quantile(present, [0.25, 0.75])
    width = high - low
    if width <= 0:
        return np.zeros(len(values))
    with np.errstate(over="ignore"):
        far = np.maximum(values - high, low - values) / width
    return np.where(np.isfinite(far), far, 0.0)


def _weight(profile: Profile) -> Iterator[Finding]:
    if not _WEIGHT_NAME.search(profile.name) or profile.name.lower() == "weight":
        return
    yield Finding(
        code="D30",
        severity="note",
        message=f"'{profile.name}' looks like a weight: how many cases a row stands "
        "for, not a property of it.",
        where=f"column '{profile.name}'",
        remedy="Torchsmith uses it as a number; leave it out with "
        f"`data.columns: {{{profile.name}: ignore}}` if it is a weight.",
    )


def _rare(profile: Profile) -> Iterator[Finding]:
    rare = np.flatnonzero(profile.counts < RARE_LEVEL)
    if not len(rare) or profile.num_present < 20 * RARE_LEVEL:
        return
    fewest = rare[np.argsort(profile.counts[rare], kind="stable")]
    shown = listed([f"{profile.levels[i]}: {profile.counts[i]}" for i in fewest], 3)
    yield Finding(
        code="D31",
        severity="note",
        message=f"{len(rare):,} of {profile.distinct:,} categories of '{profile.name}' "
        f"{agree(len(rare), 'has', 'have')} fewer than {RARE_LEVEL} rows ({shown}).",
        where=f"column '{profile.name}'",
        evidence=f"{amount(int(profile.counts[rare].sum()), 'row')} in all",
        remedy="Little can be learned about them; a category that the training part "
        "does not have counts as unknown.",
    )


def _set_aside(profile: Profile, reason: str) -> Iterator[Finding]:
    yield Finding(
        code="D29",
        severity="note",
        message=f"'{profile.name}' is set aside: {reason}.",
        where=f"column '{profile.name}'",
        evidence=f"such as {quoted(profile.levels, 2)}",
        remedy="To use it nevertheless, give it another role under `data.columns`.",
    )
