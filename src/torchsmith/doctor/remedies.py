"""What a plan can do about findings: changes of settings that are worth a trial."""

from collections.abc import (
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace

from pydantic import JsonValue

from torchsmith.core.errors import PlanError
from torchsmith.doctor.rank import causes_of, ranked
from torchsmith.doctor.repair import (
    wider,
    with_activations,
    with_little_dropout,
    with_norms,
)
from torchsmith.doctor.usual import SECTIONS, WHOLE, as_usual
from torchsmith.inspect.inspection import Finding
from torchsmith.plan.optimizers import Muon
from torchsmith.plan.plan import Plan
from torchsmith.plan.schedules import OneCycleLR
from torchsmith.plan.settings import REASON, differences, set_values
from torchsmith.plan.text import as_options
from torchsmith.plan.yaml import parse_value

SETTLED = frozenset({"problem", "data", "split", "calibration", "doctor", "robustness"})
"""Sections whose change changes what is measured, not how well the network learns: a
leak that is closed lowers the score. They are made without a contest."""

LOWER_RATE, HIGHER_RATE = 0.2, 10.0
"""By what a learning rate is multiplied at a time where a finding names no value."""

LARGEST_STEP = 10.0
"""A number is changed by no larger factor at a time once its remedy was tried."""

Repair = Callable[[Plan], dict[str, JsonValue]]

REPAIRS: Mapping[str, tuple[Repair, ...]] = {
    "P7": (with_little_dropout,),
    "P11": (with_activations, wider),
    "C10": (with_norms,),
    "T2": (with_norms,),
    "T3": (with_norms,),
    "T4": (with_norms,),
    "T5": (with_norms,),
    "T6": (wider,),
    "Q1": (wider,),
}
"""What may put the network's own layers right."""

DOSES = frozenset({"P1", "P2", "P3", "P7", "T1", "T2", "T4", "T6", "T7"})
"""Of whose remedies nobody knows beforehand how much is enough."""


@dataclass(frozen=True)
class Remedy:
    """A change of a plan that may help.

    Attributes:
        codes: Of the findings that it is for.
        changes: Settings by dotted path.
        plan: The plan with them.
        reason: Why, in a few words.
        is_dose: Whether it may be too weak, and can be made once more on top.
        repair: Of the network's own layers, where that can be made once more on top.
        is_whole: Whether it replaces all that decides how well a network learns.
        is_sure: Whether an error itself names it: a setting beyond all that is usual.
    """

    codes: tuple[str, ...]
    changes: Mapping[str, JsonValue]
    plan: Plan
    reason: str
    is_dose: bool = False
    repair: Repair | None = None
    is_whole: bool = False
    is_sure: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether it changes what is measured: no contest can show its worth."""
        return all(path.partition(".")[0] in SETTLED for path in self.changes)


@dataclass(frozen=True)
class Remedies:
    """What may be done about findings.

    Attributes:
        settled: Made without a contest.
        contested: Worth a trial, those of the likeliest cause first.
        whole: All as Torchsmith would do it by itself, worth a trial where the others
            do not win back what was lost; None where that is the plan, or where what
            was found lies elsewhere.
        left_out: Codes of errors and warnings about which a plan can do nothing, or
            that follow from another; changes that do not fit the plan; with the reason.
    """

    settled: tuple[Remedy, ...]
    contested: tuple[Remedy, ...]
    left_out: tuple[str, ...]
    whole: Remedy | None = None


def remedies(findings: Iterable[Finding], plan: Plan, default: Plan) -> Remedies:
    """Return what may be done about errors and warnings.

    Each finding's own changes come first, then what Torchsmith would do at the same
    place by itself.

    Args:
        findings: Of a run of the plan, in any order; notes ask for nothing.
        plan: To be changed.
        default: What Torchsmith would do with the data by itself.
    """
    causes = [found for found in ranked(findings) if found.severity != "note"]
    left_out: list[str] = []
    own: list[Remedy] = []
    usual: list[Remedy] = []
    for finding in causes:
        mine = list(_own(finding, plan, left_out))
        known = {f for remedy in own for f in remedy.codes}
        if cause := _shortens(finding, mine, causes, known):
            left_out.append(f"{finding.code}: follows from {cause}, mended first")
            mine = []
        others = [*_repaired(finding, plan), *_usual(finding, plan, default)]
        if not (mine or others or finding.changes or _lags([finding])):
            left_out.append(f"{finding.code}: no setting of a plan changes this")
        own += mine
        usual += others
    distinct = tuple(_distinct([*own, *usual], plan))
    contested = tuple(remedy for remedy in distinct if not remedy.is_settled)
    whole = _whole(causes, plan, default)
    return Remedies(
        settled=tuple(remedy for remedy in distinct if remedy.is_settled),
        contested=contested,
        left_out=tuple(left_out),
        whole=None if causes and not (contested or _lags(causes)) else whole,
    )


def combined(first: Remedy, second: Remedy, plan: Plan) -> Remedy | None:
    """Return both remedies in one; None where they contradict each other.

    Args:
        first: Of the plan.
        second: Of the same plan.
        plan: That both change.
    """
    try:
        both = set_values(first.plan, second.changes)
    except PlanError:
        return None
    made = differences(both, plan)
    for remedy in (first, second):
        wanted = differences(remedy.plan, plan)
        if any(made.get(path, ("",))[0] != now for path, (now, _) in wanted.items()):
            return None
    codes = tuple(dict.fromkeys([*first.codes, *second.codes]))
    changes = {**first.changes, **second.changes}
    reason = "; ".join(dict.fromkeys([first.reason, second.reason]))
    is_dose = first.is_dose or second.is_dose
    repair = first.repair or second.repair
    return Remedy(codes, changes, both, reason, is_dose, repair)


def stronger(remedy: Remedy, before: Plan) -> Remedy | None:
    """Return the same once more on top: a rate that was divided by 5, by 25.

    Args:
        remedy: Whose numbers are changed by the same factor again.
        before: The plan without its last dose.

    Returns:
        None where nobody doubts that it is enough, it changes no number, or the next
        number cannot be.
    """
    doses: dict[str, JsonValue] = {}
    if remedy.repair is not None:
        doses |= remedy.repair(remedy.plan)
    told = differences(remedy.plan, before) if remedy.is_dose else {}
    for path, texts in told.items():
        new, old = map(parse_value, texts)
        if _is_number(new) and _is_number(old) and new > 0 and old > 0:
            dose = new * min(max(new / old, 1 / LARGEST_STEP), LARGEST_STEP)
            whole = isinstance(new, int) and isinstance(old, int) and dose >= 1
            doses[path] = round(dose) if whole else float(f"{dose:.3g}")
    if not doses:
        return None
    changes = {**remedy.changes}
    for path, dose in doses.items():
        changes[_asked(path, remedy.changes)] = dose
    try:
        changed = set_values(remedy.plan, doses)
    except PlanError:
        return None
    if not differences(changed, remedy.plan):
        return None
    return replace(remedy, changes=changes, plan=changed)


def scaled_rate(plan: Plan, factor: float) -> dict[str, JsonValue]:
    """Return settings that multiply the learning rate, wherever the plan names one.

    >>> from torchsmith.api.planning import plan
    >>> scaled_rate(plan("iris", settings={"optimizer.lr": 0.2}), 0.5)
    {'optimizer.lr': 0.1}
    """
    optimizer, schedule = plan.optimizer, plan.schedule
    rates = {"optimizer.lr": optimizer.lr}
    for place, group in enumerate(optimizer.groups):
        if group.lr is not None:
            rates[f"optimizer.groups.{place}.lr"] = group.lr
    if isinstance(optimizer, Muon):
        rates["optimizer.others.lr"] = optimizer.others.lr
    if isinstance(schedule, OneCycleLR) and schedule.max_lr is not None:
        rates["schedule.max_lr"] = schedule.max_lr
    return {path: float(f"{rate * factor:.3g}") for path, rate in rates.items()}


def in_words(remedied: Plan, plan: Plan) -> str:
    """Return what differs, such as `optimizer.Adam.lr 1 → 0.2`, on one line."""
    changes = differences(remedied, plan)
    told = [f"{path} {_cut(old)} → {_cut(new)}" for path, (new, old) in changes.items()]
    return ", ".join(told[:_TOLD]) + (", …" if len(told) > _TOLD else "")


def with_reason(plan: Plan, changes: Mapping[str, JsonValue], reason: str) -> Plan:
    """Return the plan with changes, and beside them why they were made.

    Args:
        plan: To be changed.
        changes: Settings by dotted path.
        reason: In a sentence; it stands beside the first of them.
    """
    others = {path: text for path, text in plan.reasons.items() if text != REASON}
    bare = set_values(plan.model_copy(update={"reasons": others}), changes)
    new = [path for path, text in bare.reasons.items() if path and text == REASON]
    sections = list(type(plan).model_fields)
    new.sort(key=lambda path: sections.index(path.partition(".")[0]))
    told = dict.fromkeys(new, "for the same reason") | dict.fromkeys(new[:1], reason)
    changed = set_values(plan, changes)
    if not new:  # a section that is left out has no line of its own
        known = changed.reasons.get("network", "")
        emptied = f"no {', '.join(changes)}: {reason}"
        told["network"] = "; ".join(filter(None, [known, emptied]))
    reasons = {path: text for path, text in changed.reasons.items() if path}
    return changed.model_copy(update={"reasons": {**reasons, **told}})


_TOLD = 3
_LONGEST = 40


def _own(finding: Finding, plan: Plan, left_out: list[str]) -> Iterator[Remedy]:
    changes = finding.changes or _rate(finding, plan)
    if not changes:
        return
    try:
        changed = set_values(plan, changes)
    except PlanError as error:
        said = str(error).splitlines()[0]
        left_out.append(f"{finding.code}: the remedy does not fit this plan ({said})")
        return
    if finding.only_if:
        if differences(changed, plan):
            left_out.append(
                f"{finding.code}: only you know; if {finding.only_if}: "
                + " ".join(as_options(changes))
            )
        return
    is_dose = finding.code in DOSES
    is_sure = finding.severity == "error" and bool(finding.changes)
    yield Remedy(
        (finding.code,), changes, changed, _short(finding), is_dose, is_sure=is_sure
    )


def _shortens(
    finding: Finding,
    mine: Sequence[Remedy],
    found: Sequence[Finding],
    known: Container[str],
) -> str:
    """Return the code of what makes the planned epochs too few; empty where nothing.

    Once that is mended they may be enough, and more of them are not its remedy.

    Args:
        finding: Of which the remedy may be more epochs.
        mine: Its own remedies.
        found: All findings that ask for something, causes first.
        known: Codes of those before it that have a remedy of their own.
    """
    if not any(set(remedy.changes) == {"training.epochs"} for remedy in mine):
        return ""
    # Batches too large leave few steps, and more epochs may be the other half of that.
    codes = (c.code for c in causes_of(finding, found) if c.code != "P4")
    return next((code for code in codes if code in known), "")


def _rate(finding: Finding, plan: Plan) -> dict[str, JsonValue]:
    """Return another learning rate for what a wrong one most often brings about."""
    match finding.code:
        case "P1" | "T1" | "T2" | "T4" | "T7":
            changes = scaled_rate(plan, LOWER_RATE)
            if finding.code in ("T1", "T2") and not plan.training.clip_grad_norm:
                changes["training.clip_grad_norm"] = 1.0
            return changes
        case "P2":
            return scaled_rate(plan, HIGHER_RATE)
        case "P3":
            return {"training.epochs": 2 * plan.training.epochs}
        case _:
            return {}


def _repaired(finding: Finding, plan: Plan) -> Iterator[Remedy]:
    """Yield the plan's own network with its layers put right."""
    for repair in REPAIRS.get(finding.code, ()):
        changes = repair(plan)
        try:
            changed = set_values(plan, changes)
        except PlanError:
            continue
        again = repair if repair is wider else None
        yield Remedy((finding.code,), changes, changed, _short(finding), repair=again)


def _usual(finding: Finding, plan: Plan, default: Plan) -> Iterator[Remedy]:
    """Yield what Torchsmith would do by itself where the fault may lie.

    How data is prepared also makes a good plan better, which is no remedy.
    """
    if finding.code.startswith("D") and finding.changes:
        return
    for sections in SECTIONS.get(finding.code, ()):
        if (made := as_usual(plan, default, sections)) is not None:
            reason = f"{_short(finding)}; as Torchsmith would by itself"
            yield Remedy((finding.code,), *made, reason)


def _lags(found: Sequence[Finding]) -> bool:
    """Whether a simple rival shows that more can be learned of the same data."""
    return any(finding.code == "Q1" for finding in found)


def _whole(found: Sequence[Finding], plan: Plan, default: Plan) -> Remedy | None:
    """Return all as Torchsmith would do it by itself; None where that is the plan."""
    made = as_usual(plan, default, WHOLE)
    if made is None or not differences(made[1], plan):
        return None
    codes = tuple(dict.fromkeys(finding.code for finding in found))
    reason = f"{_short(found[0])}; a" if found else "A"
    reason += "ll as Torchsmith would by itself"
    return Remedy(codes, *made, reason, is_whole=True)


def _distinct(found: Sequence[Remedy], plan: Plan) -> Iterator[Remedy]:
    """Yield remedies that change something, equal ones once with all their codes."""
    made: dict[str, Remedy] = {}
    for remedy in found:
        key = str(sorted(differences(remedy.plan, plan).items()))
        first = made.get(key, remedy)
        codes = tuple(dict.fromkeys([*first.codes, *remedy.codes]))
        made[key] = replace(first, codes=codes)
    made.pop("[]", None)
    yield from made.values()


def _short(finding: Finding) -> str:
    return f"{finding.code}: {finding.message.removesuffix('.')}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _asked(path: str, changes: Mapping[str, JsonValue]) -> str:
    """Return what a setting is called in changes: names of specs may be left out."""
    section, _, name = path.partition(".")
    last = name.rpartition(".")[2]
    for asked in changes:
        if asked.startswith(f"{section}.") and asked.endswith(f".{last}"):
            steps = iter(path.split("."))
            if all(step in steps for step in asked.split(".")):
                return asked
    return path


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
