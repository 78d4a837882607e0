"""A study: one plan and its variants, side by side.

A study is a YAML file of two documents. The first says what is asked and how the
variants differ; the second, after `---`, is the plan that they share:

```yaml
# torchsmith study, version 1
title: Optimizers side by side
question: Which gets how far in the same epochs?
draw: [train_loss, val_accuracy]  # one chart each: a quantity of each epoch
seeds: [0, 1, 2]
variants:
  # A comment above a variant says what it is; the report shows it.
  SGD: {optimizer: {SGD: {lr: 0.05}}}
  Adam: {optimizer.Adam.lr: 0.001}
---
# torchsmith plan, version 1
…
```

A variant is settings by dotted path, as for `--set`; `{}` is the plan as it stands. The
first variant is what the others are compared with.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from pydantic import Field, ValidationError

from torchsmith.core.errors import PlanError, nearest
from torchsmith.core.record import Record
from torchsmith.core.seeds import LARGEST_SEED
from torchsmith.core.slugs import slug
from torchsmith.core.vocabulary import CALIBRATED, metrics_for
from torchsmith.plan.file import parse_plan
from torchsmith.plan.plan import Plan
from torchsmith.plan.settings import REASON, differences, set_values
from torchsmith.plan.text import WIDTH, flow, plan_text
from torchsmith.plan.wrong import fault
from torchsmith.plan.yaml import Document, NotYaml, Position, parse, parse_setting

HEADING = "# torchsmith study, version 1"
_BREAK = re.compile(r"^---[ \t]*$", re.MULTILINE)
Seeds = int | Sequence[int]
"""How many, from 0 on, or which."""

MOST_SEEDS = 1000

AS_PLANNED = "as planned"
"""The only variant of a study of seeds."""

_OF_EPOCHS = ("train_loss", "val_loss", "lr")


class Study(Record):
    """One plan, its variants, and what is compared.

    Attributes:
        title: What the study is called.
        question: What it answers, in a sentence or two.
        draw: What is drawn over the epochs, one chart each: `train_loss`, `val_loss`,
            `lr`, or `val_` and a metric.
        seeds: Each variant is trained once with each.
        variants: By name, the settings that are laid over the base.
        base: The plan that they share.
        about: For a variant, what it is.
    """

    title: str
    question: str = ""
    draw: tuple[str, ...] = Field(default=("val_loss",), min_length=1)
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    variants: dict[str, dict[str, Any]] = Field(min_length=1)
    base: Plan
    about: dict[str, str] = {}


@dataclass(frozen=True)
class Member:
    """One training of a study.

    Attributes:
        variant: Its name.
        seed: Draws initial weights, order and dropout.
        plan: What is carried out.
    """

    variant: str
    seed: int
    plan: Plan

    @property
    def name(self) -> str:
        """The name of its run folder."""
        return f"{slug(self.variant)}-seed{self.seed}"

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"{self.variant}, seed {self.seed}"


def members(study: Study) -> tuple[Member, ...]:
    """Return every training of a study; each seed meets all variants in turn.

    Raises:
        PlanError: A variant's settings do not exist or cannot work.
    """
    plans = {name: _plan(study, name) for name in study.variants}
    return tuple(
        Member(name, seed, _with_seed(plan, seed))
        for seed in study.seeds
        for name, plan in plans.items()
    )


def seeds_study(plan: Plan, seeds: Seeds, name: str) -> Study:
    """Return the study of one plan with several seeds: what is chance in its score.

    Args:
        plan: What all members carry out.
        seeds: How many, from 0 on, or which.
        name: What is trained on, for the title.

    Raises:
        PlanError: They are no two or more different seeds.
    """
    chosen = chosen_seeds(seeds)
    return Study(
        title=f"{name} with {len(chosen)} seeds",
        question="How much of the score is chance: initial weights, order, dropout?",
        draw=("train_loss", "val_loss", f"val_{plan.problem.metric}"),
        seeds=tuple(chosen),
        variants={AS_PLANNED: {}},
        base=plan,
    )


def chosen_seeds(seeds: Seeds) -> Sequence[int]:
    """Return which seeds are meant.

    Args:
        seeds: How many, from 0 on, or which.

    Raises:
        PlanError: They are no two or more different whole numbers from 0 on.

    >>> list(chosen_seeds(3)), list(chosen_seeds([0, 7]))
    ([0, 1, 2], [0, 7])
    """
    chosen: object = range(seeds) if _is_whole(seeds) else seeds
    if isinstance(chosen, Sequence):
        first = chosen[: MOST_SEEDS + 1]  # a range may be too long to have a length
        several = 1 < len(first) <= MOST_SEEDS
        if several and all(map(_is_seed, first)) and len(set(first)) == len(first):
            return first
    raise PlanError(
        f"seeds: {seeds!r} cannot be used; say how many (8 trains with 0 to 7), or "
        f"which (0,3,7): 2 to {MOST_SEEDS} different whole numbers from 0 to "
        f"{LARGEST_SEED}. For a single one, set training.seed"
    )


def _is_seed(value: object) -> bool:
    return _is_whole(value) and 0 <= value <= LARGEST_SEED


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def set_study(study: Study, settings: Mapping[str, object]) -> Study:
    """Return the study with other seeds, or with another base plan.

    Args:
        study: To start from.
        settings: `seeds` is the study's own (`training.seed` gives the only one); every
            other path is one of the base plan.

    Raises:
        PlanError: A path does not exist, or a value cannot work.
    """
    own: dict[str, Any] = {}
    rest: dict[str, object] = {}
    for path, value in settings.items():
        if path in ("seeds", "training.seed"):
            chosen = parse_setting(path, value)
            own["seeds"] = [chosen] if isinstance(chosen, int) else chosen
        else:
            rest[path] = value
    own["base"] = base = set_values(study.base, rest)
    for path in rest:
        others = {other: value for other, value in rest.items() if other != path}
        try:
            without = set_values(study.base, others)
        except PlanError:  # the others need it, so it does something
            continue
        if differences(base, without) and _says_itself(study, without, base):
            raise PlanError(f"{path}: every variant says it itself; leave it out")
    content = {name: getattr(study, name) for name in Study.model_fields}
    return _checked(content | own, None, "the study")


def _says_itself(study: Study, base: Plan, changed: Plan) -> bool:
    """Whether every variant is the same on two base plans."""
    return all(
        not differences(set_values(base, own), set_values(changed, own))
        for own in study.variants.values()
    )


def is_study(text: str) -> bool:
    """Whether a YAML text says that it is a study."""
    return text.lstrip("\ufeff").startswith("# torchsmith study")


def parse_study(text: str, name: str = "study") -> Study:
    """Read a study from its text.

    Args:
        text: Two YAML documents: the study, and the plan that the variants share.
        name: What the text is called in messages.

    Raises:
        PlanError: Names what is wrong with its line.
    """
    text = text.replace("\r\n", "\n")
    cut = _BREAK.search(text)
    if cut is None:
        raise PlanError(
            f"{name}: no line '---' between the study and the plan that the variants "
            "share"
        )
    head, rest = text[: cut.start()], text[cut.end() :]
    try:
        document = parse(head)
    except NotYaml as error:
        raise _wrong(name, error.problem.position, error.problem.text) from error
    for problem in document.problems:
        raise _wrong(name, problem.position, problem.text)
    # Empty lines keep the numbers of lines in messages right.
    base = parse_plan("\n" * head.count("\n") + rest, name)
    value = document.value if isinstance(document.value, dict) else {}
    if isinstance(value.get("question"), str):
        value["question"] = " ".join(value["question"].split())
    about = {
        str(path[1]): comment
        for path, comment in document.comments.items()
        if len(path) == 2 and path[0] == "variants"
    }
    return _checked(value | {"base": base, "about": about}, document, name)


def study_text(study: Study) -> str:
    """Return a study as the text that `parse_study` reads."""
    lines = [
        HEADING,
        f"title: {flow(study.title)}",
        *_folded("question", study.question),
        f"draw: {flow(study.draw)}",
        f"seeds: {flow(study.seeds)}",
        "variants:",
    ]
    for name, settings in study.variants.items():
        about = study.about.get(name, "")
        mark = "  # "
        lines += textwrap.wrap(
            about, WIDTH, initial_indent=mark, subsequent_indent=mark
        )
        lines.append(f"  {flow(name)}: {flow(settings)}")
    return "\n".join([*lines, "---", plan_text(study.base)])


def _folded(key: str, text: str) -> list[str]:
    """Write a text over several lines, where it needs them."""
    short = f"{key}: {flow(text)}"
    if len(short) <= WIDTH or not text.isprintable():
        return [short]
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [f"{key}: >-", *lines]


def _plan(study: Study, variant: str) -> Plan:
    plan = set_values(study.base, study.variants[variant])
    before = study.base.reasons
    reason = f"of the variant '{variant}'"
    reasons = {
        path: reason if why == REASON and before.get(path) != REASON else why
        for path, why in plan.reasons.items()
    }
    return plan.model_copy(update={"reasons": reasons})


def _with_seed(plan: Plan, seed: int) -> Plan:
    training = plan.training.model_copy(update={"seed": seed})
    reasons = plan.reasons | {"training.seed": "one of the study's seeds"}
    return plan.model_copy(update={"training": training, "reasons": reasons})


def _checked(content: dict[str, Any], document: Document | None, name: str) -> Study:
    """Make a study, or say the first thing that is wrong and where."""
    variants = content.get("variants")
    if isinstance(variants, dict):  # a name alone is the plan as it stands
        content |= {"variants": {k: v or {} for k, v in variants.items()}}
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        path = first["loc"]
        what = fault(first)
        if first["type"] == "extra_forbidden":
            keys = [key for key in Study.model_fields if key not in ("base", "about")]
            near = nearest(str(path[0]), keys) or f"; it has {', '.join(keys)}"
            what = f"unknown key{near}"
        raise _at(document, path, what, name) from error
    for path, what in _impossible(study):
        raise _at(document, path, what, name)
    return study


def _impossible(study: Study) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    measured = [f"val_{name}" for name in metrics_for(study.base.problem.task)]
    if study.base.stopping.monitor == CALIBRATED:
        measured.append(CALIBRATED)
    known = [*_OF_EPOCHS, *measured]
    for wanted in study.draw:
        if wanted not in known:
            near = nearest(wanted, known) or f"; it can be {', '.join(known)}"
            found.append((("draw",), f"'{wanted}' is not measured{near}"))
    if len(set(study.seeds)) < len(study.seeds):
        found.append((("seeds",), "one stands twice"))
    if any(seed < 0 for seed in study.seeds):
        found.append((("seeds",), "must be at least 0"))
    if any(seed > LARGEST_SEED for seed in study.seeds):
        found.append((("seeds",), f"must be at most {LARGEST_SEED}"))
    folders = {""}
    for name in study.variants:
        if slug(name) in folders:
            text = "the name is too much like another; letters and digits count"
            found.append((("variants", name), text))
        folders.add(slug(name))
        try:
            _plan(study, name)
        except PlanError as error:
            found.append((("variants", name), str(error)))
    return found


def _at(
    document: Document | None, path: tuple[Any, ...], what: str, name: str
) -> PlanError:
    text = f"{'.'.join(map(str, path))}: {what}"
    if document is None:
        return PlanError(f"{name}: {text}")
    while path and path not in document.keys:
        path = path[:-1]
    return _wrong(name, document.keys.get(path, Position(1, 1)), text)


def _wrong(name: str, position: Position, text: str) -> PlanError:
    return PlanError(f"{name}:{position.line}:{position.column}: {text}")
