"""Settings that would do nothing: whoever wrote them expects something of them."""

from collections.abc import Iterator

from torchsmith.data.steps import EncodeCategories, EncodeValues
from torchsmith.plan.networks import MLP, SequenceNet, TabularMLP
from torchsmith.plan.optimizers import SGD, NAdam, RAdam
from torchsmith.plan.plan import Plan
from torchsmith.plan.sequence_bodies import GRU

Idle = Iterator[tuple[str, str]]


def idle_settings(plan: Plan) -> Idle:
    """Yield dotted path and text of what would change nothing, whatever the data is.

    Only what is not so by default is looked at: a default may wait for its use.
    """
    network = plan.network
    if isinstance(network, MLP | TabularMLP):
        yield from _of_hidden(network)
    if isinstance(network, TabularMLP):
        yield from _of_columns(plan, network)
    if isinstance(network, SequenceNet):
        yield from _of_body(network)
    yield from _of_optimizer(plan)
    stopping = plan.stopping
    if stopping.min_delta and not (stopping.patience or stopping.restore_best):
        yield (
            "stopping.min_delta",
            "nothing asks for the best epoch; remove the line, or set patience or "
            "restore_best",
        )


def _of_hidden(network: MLP | TabularMLP) -> Idle:
    if network.hidden:
        return
    where = f"network.{network.spec_name()}"
    remedy = "there is none; set it to {}, or name hidden layers"
    if network.dropout:
        yield f"{where}.dropout", f"is after each hidden layer, and {remedy.format(0)}"
    if network.batch_norm:
        yield (
            f"{where}.batch_norm",
            f"is in each hidden layer, and {remedy.format('false')}",
        )


def _of_columns(plan: Plan, network: TabularMLP) -> Idle:
    where = "network.TabularMLP"
    if network.bins and network.frequencies:
        yield (
            f"{where}.frequencies",
            f"{network.frequencies} would do nothing beside {network.bins} bins; set "
            "one of the two to 0",
        )
    scale = type(network).model_fields["frequency_scale"].default
    if network.frequency_scale != scale and not network.frequencies:
        yield (
            f"{where}.frequency_scale",
            "is of waves, and frequencies is 0; remove the line, or set frequencies",
        )
    encoded = [step for step in plan.prepare if isinstance(step, EncodeCategories)]
    codes = any(step.encoding == "codes" for step in encoded)
    roles = set(plan.data.columns.values())
    of_values = any(isinstance(step, EncodeValues) for step in plan.prepare)
    if not network.embedding or not roles or of_values:
        return
    if "category" not in roles:
        yield (
            f"{where}.embedding",
            "is of categories, and no column of data.columns is one; remove the line, "
            "or give a column the role category",
        )
    elif encoded and not codes:
        yield (
            f"{where}.embedding",
            "is of codes, and the categories become 0/1 columns; remove the line, or "
            "prepare with EncodeCategories: codes",
        )


def _of_body(network: SequenceNet) -> Idle:
    body, where = network.body, "network.SequenceNet"
    if body is None and network.dropout:
        yield (
            f"{where}.dropout",
            "is at the end of the body, and there is none; remove the line, or name a "
            "body",
        )
    if isinstance(body, GRU) and body.depth == 1 and body.dropout:
        yield (
            f"{where}.body.GRU.dropout",
            "is between layers, and depth is 1; set SequenceNet's own dropout, or a "
            "depth of 2",
        )


def _of_optimizer(plan: Plan) -> Idle:
    optimizer = plan.optimizer
    every = [optimizer.arguments]
    every += [optimizer.arguments | group.arguments for group in optimizer.groups]
    if isinstance(optimizer, SGD) and any(
        arguments["dampening"] and not arguments["momentum"] for arguments in every
    ):
        yield (
            "optimizer.dampening",
            "is of the momentum, which is 0; remove the line, or set momentum",
        )
    if isinstance(optimizer, NAdam | RAdam) and any(
        arguments["decoupled_weight_decay"] and not arguments["weight_decay"]
        for arguments in every
    ):
        yield (
            "optimizer.decoupled_weight_decay",
            "is of the weight decay, which is 0; remove the line, or set weight_decay",
        )
