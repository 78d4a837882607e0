"""Facts about each column, and what it should be used as."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from torchsmith.core.vocabulary import ColumnRole
from torchsmith.core.wording import amount
from torchsmith.data.picture_columns import names_pictures
from torchsmith.inspect.inspection import Bin, ColumnFacts
from torchsmith.inspect.profile import MOST_READ, Profile
from torchsmith.inspect.wording import number

ASKED = "asked for"
"""Why a column has a role that the data does not suggest."""

NUM_BINS = 12
NUM_LEVELS = 12
MIN_ROWS = 20
"""With fewer rows, unique values are no evidence of an id."""

NEARLY_UNIQUE = 0.9
"""Of texts that are so different, a copy or two are no evidence against an id."""

_ID_NAME = re.compile(
    r"((^|[_\s.-])(?i:id|uuid|guid|index|idx|key|no|nr|rowid))$|[a-z]I[dD]$"
    r"|^(?i:unnamed: 0)$|^$|번호$|아이디$"
)
_GROUP_NAME = re.compile(
    r"(patient|subject|person|participant|user|customer|client|member|speaker|student"
    r"|driver|device|sensor|session|household|family|animal|환자|피험자|고객|사용자|회원)"
    r"([_\s.-]?(id|no|nr|num|number|code|key|번호|아이디))?$",
    re.IGNORECASE,
)


def is_id_name(name: str) -> bool:
    """Whether a column's name says that it identifies rows: `PassengerId`, `row_id`."""
    return bool(_ID_NAME.search(name))


def is_group(profile: Profile) -> bool:
    """Whether a column names who or what a row came from, several rows each."""
    return (
        bool(_GROUP_NAME.search(profile.name))
        and (profile.kind == "text" or profile.whole)
        and profile.distinct >= 5
        and profile.typical_rows >= 2
        and profile.num_missing == 0
    )


def decide_roles(
    profiles: Sequence[Profile],
    folder: Path | None,
    asked: Mapping[str, ColumnRole],
) -> dict[str, tuple[ColumnRole, str]]:
    """Decide what each input column is used as, and why.

    Args:
        profiles: The input columns in file order.
        folder: From which the names of files start that a column holds.
        asked: The roles of columns of which the data is not to decide.

    Returns:
        For each name, the role and the reason with evidence from this data. At least
        one column that varies is used, even if it looks like an id.
    """
    by_name = {profile.name: profile for profile in profiles}
    roles: dict[str, tuple[ColumnRole, str]] = {}
    seen: dict[tuple[object, ...], str] = {}
    for profile in profiles:
        role = _role(profile, folder)
        wanted = asked.get(profile.name)
        key = (profile.kind, profile.pattern, *profile.column.texts(profile.first[:20]))
        if role[0] != "ignore":
            twin = seen.get(key)
            if twin is None and wanted != "ignore":
                seen[key] = profile.name
            elif twin is not None and profile.levels == by_name[twin].levels:
                role = ("ignore", f"equal to '{twin}' in every row")
        if wanted not in (None, role[0]):
            role = (wanted, ASKED)
        roles[profile.name] = role
    if all(role == "ignore" for role, _ in roles.values()):
        for profile in profiles:
            free = asked.get(profile.name) != "ignore"
            if free and profile.distinct > 1 and profile.kind == "number":
                reason = "the only column that varies"
                return {**roles, profile.name: ("number", reason)}
    return roles


def may_be_names(
    profiles: Sequence[Profile],
    roles: Mapping[str, tuple[ColumnRole, str]],
    asked: Mapping[str, ColumnRole],
) -> list[Profile]:
    """Return the columns of texts too many for categories, of which some recur.

    Args:
        profiles: The input columns.
        roles: What each is used as, and why.
        asked: The roles of columns of which the data is not to decide.
    """
    return [
        profile
        for profile in profiles
        if profile.kind == "text"
        and not is_group(profile)
        and 1 < profile.distinct < profile.num_present
        and (
            roles[profile.name] == ("category", ASKED)
            or (
                (roles[profile.name][0] in ("text", "ignore"))
                and profile.name not in asked
            )
        )
    ]


def with_names(
    profiles: Sequence[Profile],
    roles: Mapping[str, tuple[ColumnRole, str]],
    alike: Mapping[str, float],
) -> dict[str, tuple[ColumnRole, str]]:
    """Make categories of texts of few rows each whose rows are often of one class.

    Args:
        profiles: The input columns.
        roles: What each is used as, and why.
        alike: Those columns, by name.
    """
    found: dict[str, tuple[ColumnRole, str]] = {
        profile.name: (
            "category",
            f"{_texts(profile)}, and rows that share one are often of one class",
        )
        for profile in profiles
        if profile.name in alike and roles[profile.name][1] != ASKED
    }
    return {**roles, **found}


def _role(profile: Profile, folder: Path | None) -> tuple[ColumnRole, str]:
    if profile.distinct == 0:
        return "ignore", "every value is missing"
    if profile.distinct == 1 and profile.num_missing == 0:
        return "ignore", f"'{profile.levels[0]}' in every row"
    if is_group(profile):
        people = amount(profile.distinct, "different value")
        return "ignore", f"{people}: says which rows belong together"
    if profile.kind == "boolean":
        low, high = profile.column.format.words or ("false", "true")
        return "boolean", f"'{low}' or '{high}'"
    if profile.kind == "date":
        return "date", f"{amount(profile.distinct, 'different date')}"
    if profile.kind == "number":
        return _number_role(profile)
    if names_pictures(profile.levels, folder):
        files = amount(profile.distinct, "picture file")
        return "picture", f"names {files}, such as {profile.levels[0]}"
    return _text_role(profile)


def _number_role(profile: Profile) -> tuple[ColumnRole, str]:
    values = profile.present
    unique = profile.distinct == profile.num_rows >= MIN_ROWS and profile.whole
    if unique and is_id_name(profile.name):
        return "ignore", "a different whole number in every row: an id"
    if unique and len(values) == profile.num_rows:
        steps = np.diff(values)
        years = values.min() >= 1000 and values.max() <= 2200
        if (steps == 1).all() and not years:
            return "ignore", "rises by 1 from row to row: a row number"
    what = "whole numbers" if profile.whole else "numbers"
    return "number", f"{profile.distinct:,} different {what}"


def _text_role(profile: Profile) -> tuple[ColumnRole, str]:
    evidence = _texts(profile)
    unique = profile.distinct == profile.num_rows >= MIN_ROWS
    if unique and is_id_name(profile.name):
        return "ignore", "a different text in every row: an id"
    repeats = profile.typical_rows >= 5 or (
        profile.distinct <= 10 and profile.typical_rows >= 2
    )
    if repeats:
        return "category", evidence
    nearly = profile.distinct >= NEARLY_UNIQUE * profile.num_present
    may_tell = not is_id_name(profile.name) and (
        not nearly or _has_several_words(profile)
    )
    if may_tell and (words := profile.words):
        recur = f"{amount(len(words), 'word')} of which recur{'s' * (len(words) == 1)}"
        evidence = "a different text in every row" if unique else evidence
        return "text", f"{evidence}, {recur}"
    if unique:
        return "ignore", "a different text in every row: free text or an id"
    return "ignore", f"{evidence}: too few rows each to learn from"


def _texts(profile: Profile) -> str:
    return f"{profile.distinct:,} different texts in {profile.num_present:,} rows"


def _has_several_words(profile: Profile) -> bool:
    """Whether most texts have a space within, as an id has not."""
    read = profile.levels[:MOST_READ]
    return 2 * sum(len(text.split()) > 1 for text in read) > len(read)


def describe(
    profile: Profile,
    role: ColumnRole,
    reason: str,
    *,
    exact: float = 0.0,
    alike: float = 0.0,
) -> ColumnFacts:
    """Put together the facts about one column.

    Args:
        profile: The column.
        role: What it is used as.
        reason: Why.
        exact: See `ColumnFacts`.
        alike: See `ColumnFacts`.
    """
    facts: dict[str, object] = {}
    values = profile.present
    if role == "text":
        facts = {"words": len(profile.words)}
    elif profile.kind in ("number", "boolean") and len(values):
        facts = {
            "low": float(values.min()),
            "high": float(values.max()),
            "mean": float(values.mean()),
            "median": float(np.median(values)),
            "deviation": float(values.std()),
        }
    elif profile.kind == "date" and len(values):
        dates = np.sort(values)[[0, -1]]
        first, last = (
            str(np.datetime_as_string(d)).removesuffix("T00:00:00") for d in dates
        )
        facts = {"first_date": first, "last_date": last}
    return ColumnFacts.model_validate(
        {
            "name": profile.name,
            "kind": profile.kind,
            "role": role,
            "reason": reason,
            "missing": profile.num_missing,
            "distinct": profile.distinct,
            "exact": exact,
            "alike": alike,
            "bins": _bins(profile, role),
            **facts,
        }
    )


def _bins(profile: Profile, role: ColumnRole) -> tuple[Bin, ...]:
    if role == "text":
        words = list(profile.words.items())[:NUM_LEVELS]
        return tuple(Bin(label=word, count=count) for word, count in words)
    if profile.kind == "text":
        top = np.argsort(-profile.counts, kind="stable")[:NUM_LEVELS]
        return tuple(
            Bin(label=profile.levels[i], count=int(profile.counts[i])) for i in top
        )
    if not len(profile.present):
        return ()
    if profile.distinct <= NUM_LEVELS:
        order = np.argsort(profile.column.values[profile.first])
        return tuple(
            Bin(label=profile.levels[i], count=int(profile.counts[i])) for i in order
        )
    dates = profile.kind == "date"
    values = profile.present.astype(np.float64)
    counts, edges = np.histogram(values, NUM_BINS)
    labels = (
        [str(np.datetime64(int(edge), "s").astype("datetime64[D]")) for edge in edges]
        if dates
        else [number(edge) for edge in edges]
    )
    return tuple(
        Bin(label=label, count=int(count))
        for label, count in zip(labels, counts, strict=False)
    )
