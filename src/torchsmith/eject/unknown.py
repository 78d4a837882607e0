"""The part of a script's loop that gives unknown codes a vector."""

import math

from torch import nn

from torchsmith.eject.code import block, function
from torchsmith.eject.subject import Subject
from torchsmith.nn.picture_table import PictureTableNet
from torchsmith.nn.sequences import SequenceNet
from torchsmith.nn.tabular import TabularMLP
from torchsmith.train.unknown import embeddings_of

_ABOUT = (
    "Make the vector of unknown {0} the mean of those that training has.\n\n"
    "It would stay as it was drawn{1}."
)
_RARE = ", but where cells of training are empty or categories rare"


def settle_function(subject: Subject) -> str:
    """Write how code 0 gets a vector; empty where no code is embedded."""
    network, folds = subject.one_network, subject.plan.split.num_folds
    if not _is_needed(subject):
        return ""
    shared = [
        f"shares = codes.bincount(){subject.doubled} / len(codes)",
        f"vectors = embedding.weight[: len(shares)]{subject.doubled}",
        "embedding.weight[0] = shares @ vectors",
    ]
    about = _ABOUT.format("categories", _RARE)
    match network:
        case TabularMLP() | PictureTableNet():
            width = network.num_numbers
            if isinstance(network, PictureTableNet):
                width += sum(map(math.prod, network.shapes))
            first = f"{width} + place" if width else "place"
            lines = [
                f"codes = train_set.inputs[:, {first}].long()",
                block("if codes.all():", shared),
            ]
            each = "for place, embedding in enumerate(network.embeddings):"
            body = [block(each, lines)]
        case SequenceNet():
            about = _ABOUT.format("characters", "")
            body = [*_character_codes(network), "embedding = network.symbols", *shared]
        case _:
            columns = "[:, :-1]" if folds else ""
            body = [
                "embedding = network.layers[0]",
                f"codes = train_set.inputs{columns}.long().flatten()",
                block("if codes.all():", shared),
            ]
    if not folds:
        head = "settle_unknown(network, train_set)"
        return function(head, about, body, "@torch.no_grad()")
    head = "settle_unknown(networks, train_set)"
    each = block("for network in networks:", body)
    return function(head, about, [each], "@torch.no_grad()")


def settle_lines(subject: Subject, network: str) -> list[str]:
    """Return the statements before an epoch is validated.

    Args:
        subject: The run.
        network: What the network is called that is validated.
    """
    if not _is_needed(subject):
        return []
    several = ".networks" if subject.plan.split.num_folds else ""
    return [f"settle_unknown({network}{several}, train_set)"]


def _is_needed(subject: Subject) -> bool:
    network = subject.one_network
    if isinstance(network, SequenceNet):
        return network.symbols is not None and network.body is not None
    if isinstance(network, nn.Sequential) and not subject.preparation.cardinalities:
        return False
    return any(table.padding_idx != 0 for table in embeddings_of(network))


def _character_codes(network: SequenceNet) -> list[str]:
    channels, length = network.sequence
    lines = ["steps = train_set.inputs"]
    if network.num_features:
        size = channels * length
        lines = [
            f"steps = train_set.inputs[:, :{size}].unflatten(1, {network.sequence})"
        ]
    taken = "steps[:, 0][steps[:, 1] > 0]" if network.has_mask else "steps[:, 0]"
    flat = "" if network.has_mask else ".flatten()"
    return [*lines, f"codes = {taken}.long(){flat}"]
