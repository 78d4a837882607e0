"""Reasons for what is the same in most plans, so that no line stands without one."""

from torchsmith.core.vocabulary import NOUNS
from torchsmith.data.split import Split
from torchsmith.inspect.inspection import Inspection
from torchsmith.plan.networks import TabularMLP
from torchsmith.plan.plan import Plan

Reasons = dict[str, str]


def usual_reasons(plan: Plan, inspection: Inspection) -> Reasons:
    """Return a reason for every value that has none of its own.

    Args:
        plan: As decided.
        inspection: What it was decided from.
    """
    return {
        **_of_data(plan, inspection),
        **_of_split(plan, inspection),
        **_of_network(plan),
        "training.precision": "the safe choice; bfloat16 is faster on some machines",
        "training.engine": "the fastest for this run; chosen when it begins",
        "training.accumulate": "each batch makes a step; more would save memory only",
        "training.clip_grad_norm": "a single bad batch cannot throw the weights far",
        "training.clip_grad_value": "the norm is limited already",
        "training.device": "CUDA where there is such a GPU",
        "training.num_workers": "the data is in memory, where batches need none",
        "training.sharding": "each process of torchrun has the whole network",
        "training.seed": "draws the initial weights, the order and dropout",
        "stopping.min_delta": "any improvement counts",
    }


def _of_data(plan: Plan, inspection: Inspection) -> Reasons:
    noun = NOUNS[inspection.kind]
    what = f"{noun}s"
    return {
        "problem.target": "what is to be predicted",
        "problem.classes": "in the order of the network's outputs"
        if plan.problem.classes
        else "a number is predicted, not a class",
        "data.source": f"{inspection.num_examples:,} {what}",
        "data.fingerprint": "of the content; other data is refused",
        "data.columns": "what each column is used as",
        "data.drop_missing_target": f"all {what} have a target",
        "data.skip_damaged": f"a damaged {noun} is refused, not left out"
        if inspection.kind in ("images", "volumes")
        else "for pictures and volumes only",
    }


def _of_split(plan: Plan, inspection: Inspection) -> Reasons:
    what = f"{NOUNS[inspection.kind]}s"
    return {
        "split.stratify": _how_divided(plan.split) or "for classes only",
        "split.group": f"nothing says which {what} belong together",
        "split.time": f"the {what} are no time series",
        "split.keep_together": _of_repeats(plan, inspection),
        "split.drop_shared": "no example stands in two parts, as far as was seen",
        "split.seed": "draws the parts",
    }


def _how_divided(split: Split) -> str:
    """Say what divides the rows but chance; empty where chance alone does."""
    if split.test == split.val == "given":
        return "the parts are given"
    return "the parts are cut by another column" if split.group or split.time else ""


def _of_repeats(plan: Plan, inspection: Inspection) -> str:
    if inspection.kind != "table":
        return "for data in which copies of one case are expected"
    if divided := _how_divided(plan.split):
        return divided
    if not inspection.repeats:
        return "nothing repeats, as far as was seen"
    return f"{inspection.repeats:,} rows repeat an earlier one, as so few columns make"


def _of_network(plan: Plan) -> Reasons:
    if not isinstance(plan.network, TabularMLP):
        return {}
    network = plan.network
    reasons = {
        "hidden": "wide enough to learn by heart; dropout holds it",
        "dropout": "against learning by heart",
    }
    if network.frequencies:
        reasons["frequencies"] = "waves of each number"
        reasons["frequency_scale"] = "slow waves at the start"
    if network.bins:
        reasons["bins"] = "steps in a column are found as trees find them"
    if network.bins or network.frequencies:
        reasons["number_embedding"] = "what each number becomes"
    if network.members > 1:
        reasons["members"] = "several networks in one err less"
    return {f"network.TabularMLP.{key}": text for key, text in reasons.items()}
