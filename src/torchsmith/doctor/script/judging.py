"""Lets every rule look at what was seen, and puts the findings into a diagnosis."""

from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from textwrap import shorten

from torchsmith.core.wording import amount
from torchsmith.doctor.diagnosis import Diagnosis
from torchsmith.doctor.rank import ranked
from torchsmith.doctor.script.facts import Facts
from torchsmith.doctor.script.reading import Sources
from torchsmith.doctor.script.rules_data import find_in_inputs
from torchsmith.doctor.script.rules_error import find_in_error
from torchsmith.doctor.script.rules_finite import find_not_finite
from torchsmith.doctor.script.rules_kept_apart import find_in_parts
from torchsmith.doctor.script.rules_loop import find_in_loop
from torchsmith.doctor.script.rules_loss import find_in_losses
from torchsmith.doctor.script.rules_network import find_in_network
from torchsmith.doctor.script.rules_order import find_in_order
from torchsmith.doctor.script.rules_rate import find_in_rates
from torchsmith.doctor.script.rules_score import find_in_scores
from torchsmith.inspect.inspection import Finding

Rule = Callable[[Facts, Sources], Iterator[Finding]]

_RULES: tuple[Rule, ...] = (
    find_in_loop,
    find_in_losses,
    find_not_finite,
    find_in_error,
    find_in_inputs,
    find_in_network,
    find_in_order,
    find_in_scores,
    find_in_parts,
)


_TODO = {
    "EOFError": "nobody can answer input() under watch: read an argument in its place",
    "ModuleNotFoundError": "install it where torchsmith is installed",
    "FileNotFoundError": "paths begin at the folder in which torchsmith is called",
}
"""What to do about an error before training."""


DATA_ALONE = (
    "Whether labels are right, and whether an input gives them away: torchsmith doctor "
    "DATA looks at what a script reads."
)
"""What the steps of a training do not show, however it goes."""


def judged(facts: Facts) -> Diagnosis:
    """Return what the rules say of a script.

    Args:
        facts: That were seen while it ran.
    """
    findings: list[Finding] = []
    left_out: list[str] = list(_not_shown(facts))
    try:
        sources = Sources([str(facts.places.script), *facts.places.imported])
    except SyntaxError:
        return Diagnosis(left_out=tuple(left_out))
    for rule in (*_RULES, find_in_rates):
        if rule is find_in_rates and any(_explains_rates(one) for one in findings):
            continue  # what else is wrong makes a rate look wrong, too
        try:
            findings += rule(facts, sources)
        except Exception as error:  # noqa: BLE001 -- a person's module may do anything
            why = shorten(str(error), 160)
            left_out.append(f"{rule.__name__}: {type(error).__name__}: {why}")
    return Diagnosis(findings=ranked(findings), left_out=tuple(left_out))


def _typed(script: Path) -> str:
    """Return a script's name as it can be typed into the shell."""
    here = Path.cwd()
    return quote(str(script.relative_to(here) if here in script.parents else script))


def refusal(facts: Facts, diagnosis: Diagnosis) -> str:
    """Say why nothing can be said of a script; empty where something can.

    Args:
        facts: That were seen.
        diagnosis: What the rules say of them.
    """
    if diagnosis.findings or (facts.losses and facts.ended != "failed"):
        return ""
    script, place = facts.places.script, facts.places.told(facts.error_place)
    if facts.ended == "failed":
        kind = facts.error.split(":")[0]
        todo = _TODO.get(kind, f"make it run first: python {_typed(script)}")
        if "get_ipython" in facts.error:
            todo = "take out the lines that only a notebook knows"
        when = "after training began" if facts.entrusted else "before it trains"
        if facts.losses:
            when = f"after {_seen(facts)}"
        return f"{place}: the script fails {when} ({facts.error}); {todo}"
    if facts.entrusted is not None:
        return _entrusted(facts)
    if facts.ended == "left":
        return (
            f"{place}: the script leaves by itself before it trains, with exit code "
            f"{facts.error}; give what it asks for after its name, as in: torchsmith "
            f"doctor {_typed(script)} --epochs 3"
        )
    if facts.ended == "stopped":
        return (
            f"{script.name}: it was stopped because it had not begun to train in time; "
            "let it prepare less, such as the first 1000 rows, and try again"
        )
    return (
        f"{script.name}: it ended without taking a gradient, so that there was no "
        "training to watch; name the script that trains, and let it train in its own "
        "process"
    )


def _entrusted(facts: Facts) -> str:
    return (
        f"{facts.places.told(facts.entrusted)} trains by torchsmith, which is not "
        "watched; ts.fit and ts.train examine by themselves: read .diagnosis of what "
        "they return"
    )


def _explains_rates(finding: Finding) -> bool:
    follows = finding.code in ("T1", "T4", "C9", "Q2", "C8")
    return finding.severity == "error" and not follows


def _seen(facts: Facts) -> str:
    """Return how far training went; steps by hand are known by their gradients."""
    if facts.steppings or not facts.losses:
        return amount(facts.num_steps, "step")
    return amount(len(facts.losses), "gradient")


def _not_shown(facts: Facts) -> Iterator[str]:
    place = facts.places.told(facts.error_place)
    if facts.ended == "failed":
        yield f"The script ended with an error at {place}: {facts.error}"
    elif facts.ended == "left":
        yield f"The script left by itself at {place}, with exit code {facts.error}."
    elif facts.ended == "stopped":
        yield (
            f"The script was stopped after {_seen(facts)}; what it does later was not "
            "seen."
        )
    for where, why in list(facts.unseen.items())[:1]:
        yield f"{facts.places.told(where)}: not all could be looked at here ({why})."
    if facts.entrusted is not None:
        yield f"{_entrusted(facts)}."
    elif not facts.losses:
        yield "The script took no gradient: nothing of a training could be seen."
    elif all(call.has_grad for call in facts.calls) and not facts.measured_calls:
        yield "The script did not measure its network while it was watched."
    if facts.losses:
        yield DATA_ALONE
