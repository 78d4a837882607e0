"""From data to facts and findings."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from torchsmith.core.observer import QUIET, Observer
from torchsmith.core.vocabulary import NOUNS, ColumnRole, Task
from torchsmith.data.data import Data, Images, Sequences, Table, Volumes
from torchsmith.data.labels import PART_CODES
from torchsmith.data.lines import Named
from torchsmith.data.same import compared_columns
from torchsmith.inspect import images as pictures
from torchsmith.inspect import relations, rows, values
from torchsmith.inspect.columns import (
    ASKED,
    decide_roles,
    describe,
    may_be_names,
    with_names,
)
from torchsmith.inspect.exact import measure_exactness, measure_likeness
from torchsmith.inspect.inspection import Finding, Inspection, TargetFacts
from torchsmith.inspect.leaks import find_leaks
from torchsmith.inspect.picture_columns import find_in_picture_columns
from torchsmith.inspect.profile import Profile, build_profile
from torchsmith.inspect.sequences import (
    describe_sequences,
    find_in_sequences,
    find_telling_lengths,
    group_of,
    look_at_sequences,
)
from torchsmith.inspect.symmetry import MOST_PICTURES, find_symmetry, sample_rows
from torchsmith.inspect.target import decide_task, describe_target, find_in_target
from torchsmith.inspect.volume_symmetry import MOST_VOLUMES, find_volume_symmetry
from torchsmith.inspect.volumes import (
    describe_volumes,
    find_in_volumes,
    look_at_volumes,
)

_RANK = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class _Subject:
    """The data with what all checks share."""

    data: Data
    where: Named
    target: Profile | None
    facts: TargetFacts | None

    @property
    def classes(self) -> Profile | None:
        regression = self.facts is None or self.facts.task == "regression"
        return None if regression else self.target


def inspect(
    data: Data,
    observer: Observer = QUIET,
    *,
    task: Task | None = None,
    roles: Mapping[str, ColumnRole] | None = None,
) -> Inspection:
    """Look at data as a careful person would before training.

    Args:
        data: What was read; it is not changed.
        observer: Told about the stages.
        task: What kind of problem it is, where the data is not to decide.
        roles: What columns of a table are used as, where the data is not to decide.

    Returns:
        Facts about columns or examples, and target, and findings, the most severe
        first.
    """
    observer.stage("Inspecting")
    target = None if data.target is None else build_profile(data.target)
    noun = NOUNS[data.kind]
    facts = None if target is None else _target_facts(target, task, noun)
    known: dict[str, object] = {}
    subject = _Subject(data, data.inputs, target, facts)
    match data.inputs:
        case Table():
            findings = _inspect_table(
                subject, data.inputs, known, roles or {}, observer
            )
        case Images():
            findings = _inspect_images(subject, data.inputs, known, observer)
        case Sequences():
            findings = _inspect_sequences(subject, data.inputs, known)
        case Volumes():
            findings = _inspect_volumes(subject, data.inputs, known)
    if known.get("time") is None:
        findings += _order(subject)
    common = [*_target_findings(subject), *_changes(subject), *findings]
    order = sorted(common, key=lambda f: (_RANK[f.severity], int(f.code[1:])))
    return Inspection.model_validate(
        {
            "source": data.source,
            "fingerprint": data.fingerprint,
            "kind": data.kind,
            "num_examples": len(data),
            "given": _given(data),
            "reading": dict(data.reading),
            "changes": data.changes,
            "target": facts,
            "findings": tuple(order),
            **known,
        }
    )


def _given(data: Data) -> dict[str, int]:
    if data.given is None:
        return {}
    counts = {part: int((data.given == i).sum()) for part, i in PART_CODES.items()}
    return {part: count for part, count in counts.items() if count}


def _target_facts(target: Profile, task: Task | None, noun: str) -> TargetFacts:
    found, evidence = decide_task(target, noun)
    if task is not None and task != found:
        return describe_target(target, task, f"asked for; {evidence}")
    return describe_target(target, found, evidence)


def _target_findings(subject: _Subject) -> Iterator[Finding]:
    target, facts = subject.target, subject.facts
    if target is None or facts is None:
        return
    has_files = isinstance(subject.data.inputs, Images | Volumes)
    folder = subject.data.source if has_files else ""
    yield from find_in_target(target, facts, subject.where, folder)
    yield from values.find_infinite(target, subject.where)


def _order(subject: _Subject) -> Iterator[Finding]:
    target, given = subject.target, subject.data.given
    if target is None or subject.facts is None:
        return
    inputs = subject.data.inputs
    if isinstance(inputs, Images) and inputs.files:
        return  # folders of classes are sorted by class, and mean nothing by it
    if given is not None and (given == 0).any():
        # Parts stand one after the other: the order within one is looked at.
        target = build_profile(target.column.take(np.flatnonzero(given == 0)))
    yield from rows.find_order(target, subject.facts, subject.where.noun)


def _changes(subject: _Subject) -> Iterator[Finding]:
    others = [c for c in subject.data.changes if not pictures.is_wrong_name(c.what)]
    yield from values.find_changes(others)
    yield from pictures.find_wrong_names(subject.data.changes)


def _inspect_table(
    subject: _Subject,
    table: Table,
    known: dict[str, object],
    asked: Mapping[str, ColumnRole],
    observer: Observer,
) -> list[Finding]:
    profiles = [build_profile(column) for column in table.columns.values()]
    roles = decide_roles(profiles, table.folder, asked)
    distinctive = [p for p in profiles if not _is_row_id(p, roles[p.name][1])]
    keys = (
        rows.row_keys((p.codes for p in distinctive), len(table))
        if distinctive
        else None
    )
    alike = _likeness(subject, may_be_names(profiles, roles, asked), keys)
    roles = with_names(profiles, roles, alike)
    looked_at = [p for p in profiles if roles[p.name] != ("ignore", ASKED)]
    named = [p for p in looked_at if asked.get(p.name) != "ignore"]
    role_of = {name: role for name, (role, _) in roles.items()}
    used = [p for p in profiles if role_of[p.name] != "ignore"]
    group = relations.find_group(profiles)
    time = relations.find_time(profiles)
    exact = _exactness(subject, used)
    known["columns"] = tuple(
        describe(
            p,
            *roles[p.name],
            exact=exact.get(p.name, 0.0),
            alike=alike.get(p.name, 0.0),
        )
        for p in profiles
    )
    known |= {"group": group, "time": time}
    names = compared_columns(role_of, role_of)
    compared = [p for p in used if p.name in names]
    known["repeats"], known["usual_repeats"] = rows.count_repeats(compared, len(table))
    findings = [
        *values.find_in_values(looked_at, roles, table, subject.data.changes, alike),
        *find_in_picture_columns(table, named, roles, observer),
        *relations.find_repeats(looked_at, roles),
        *relations.find_dependence(profiles, group, time),
        *relations.find_names(profiles, alike),
        *relations.find_too_little(len(table), len(used), (), "row"),
    ]
    if not used:
        set_aside = sum(reason == ASKED for _, reason in roles.values())
        findings.append(_nothing_used(len(profiles), set_aside))
    if subject.target is not None and subject.facts is not None:
        findings += relations.find_steps(profiles, subject.target)
        alone = [p.by_words() if role_of[p.name] == "text" else p for p in used]
        findings += find_leaks(alone, subject.target, subject.facts)
    categories = [p for p in used if role_of[p.name] == "category"]
    findings += _compare_parts(subject, categories)
    if keys is not None:
        combinations = math.prod(_choices(p) for p in distinctive)
        findings += _compare_rows(subject, keys, combinations)
    return findings


def _exactness(subject: _Subject, used: Sequence[Profile]) -> Mapping[str, float]:
    if subject.target is None or subject.facts is None:
        return {}
    return measure_exactness(used, subject.target, subject.facts, _usable(subject))


def _likeness(
    subject: _Subject, names: Sequence[Profile], keys: np.ndarray | None
) -> Mapping[str, float]:
    if not names or keys is None or subject.target is None or subject.facts is None:
        return {}
    # A copy has the text and the target of its row, whatever the text says.
    once = np.zeros(len(keys), bool)
    once[np.unique(keys, return_index=True)[1]] = True
    usable = _usable(subject) & once
    return measure_likeness(names, subject.target, subject.facts, usable)


def _usable(subject: _Subject) -> np.ndarray:
    """Return `(N,)` bool: the rows of which the target may be looked at."""
    given = subject.data.given
    return np.ones(len(subject.data), bool) if given is None else given == 0


def _nothing_used(num_columns: int, num_asked: int) -> Finding:
    whys = [f"{num_asked:,} set to ignore"] if num_asked else []
    if left := num_columns - num_asked:
        whys.append(f"{left:,} empty, constant, ids or free text")
    return Finding(
        code="D35",
        severity="error",
        message=f"No column is left to learn from: {' and '.join(whys)}."
        if num_columns
        else "There is no column besides the target.",
        remedy="Add columns, or give a column another role under `data.columns`.",
    )


def _choices(profile: Profile) -> float:
    """How many values a column can take; measured numbers can take any."""
    measured = profile.kind == "number" and not profile.whole
    return math.inf if measured else float(profile.distinct + 1)


def _is_row_id(profile: Profile, reason: str) -> bool:
    return reason.endswith((": an id", ": a row number")) and profile.distinct > 1


def _inspect_images(
    subject: _Subject, images: Images, known: dict[str, object], observer: Observer
) -> list[Finding]:
    sampled, classes = _sample(subject, MOST_PICTURES)
    look = pictures.look_at(images, sampled, observer)
    observer.stage("Mirroring and turning a sample of them")
    symmetry = find_symmetry(look.sample, classes)
    formats = subject.data.reading.get("formats", "")
    facts = pictures.describe_images(images, look, symmetry, formats)
    known["images"] = facts
    counts = subject.facts.counts if subject.facts else ()
    return [
        *pictures.find_in_images(images, look, facts, subject.where),
        *relations.find_too_little(len(images), 0, counts, "picture"),
        *_compare_rows(subject, look.keys, np.inf),
        *_compare_parts(subject),
    ]


def _sample(subject: _Subject, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows with known classes, none of a given test part, and these classes."""
    if subject.classes is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    codes, given = subject.classes.codes, subject.data.given
    usable = codes >= 0
    if given is not None:
        usable &= given == 0
    rows = sample_rows(np.flatnonzero(usable), most)
    return rows, codes[rows]


def _inspect_sequences(
    subject: _Subject, sequences: Sequences, known: dict[str, object]
) -> list[Finding]:
    look = look_at_sequences(sequences)
    facts = describe_sequences(sequences)
    profiles = [build_profile(column) for column in sequences.columns.values()]
    group, time = group_of(profiles), relations.find_time(profiles)
    if sequences.series is not None and sequences.series.window:
        group, time = None, sequences.series.time
    known |= {"sequences": facts, "group": group, "time": time}
    counts = subject.facts.counts if subject.facts else ()
    findings = [
        *find_in_sequences(sequences, look, facts, subject.where),
        *relations.find_dependence(profiles, group, time, "sequence"),
        *relations.find_too_little(len(sequences), 0, counts, "sequence"),
        *_compare_rows(subject, look.keys, np.inf),
        *_compare_parts(subject),
    ]
    if subject.target is not None and subject.facts is not None:
        findings += find_telling_lengths(sequences, subject.target, subject.facts)
    return findings


def _inspect_volumes(
    subject: _Subject, volumes: Volumes, known: dict[str, object]
) -> list[Finding]:
    look = look_at_volumes(volumes)
    sampled, classes = _sample(subject, MOST_VOLUMES)
    symmetry = find_volume_symmetry(volumes.values[sampled], classes)
    known["volumes"] = describe_volumes(volumes, look, symmetry)
    counts = subject.facts.counts if subject.facts else ()
    return [
        *find_in_volumes(look, subject.where),
        *relations.find_too_little(len(volumes), 0, counts, "volume"),
        *_compare_rows(subject, look.keys, np.inf),
        *_compare_parts(subject),
    ]


def _compare_parts(
    subject: _Subject, categories: Sequence[Profile] = ()
) -> Iterator[Finding]:
    given = subject.data.given
    if given is not None:
        yield from rows.find_part_gaps(
            given, subject.classes, categories, subject.where
        )


def _compare_rows(
    subject: _Subject, keys: np.ndarray, combinations: float
) -> Iterator[Finding]:
    given, target = subject.data.given, subject.target
    whole = keys
    if target is not None:
        whole = rows.add_to_keys(keys, target.codes)
    yield from rows.find_twins(whole, subject.where, combinations, given)
    if given is not None:
        yield from rows.find_shared(keys, given, subject.where, combinations)
    if subject.classes is not None:
        yield from rows.find_contradictions(keys, subject.classes, subject.where)
