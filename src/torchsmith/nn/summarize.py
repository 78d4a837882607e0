"""What a network is made of, found out by running it once on zeros."""

from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.nn.adapted import Residual
from torchsmith.nn.folds import first_network
from torchsmith.nn.recurrent import Recurrent
from torchsmith.nn.summary import LayerRow, NetworkSummary

WHOLE = (Recurrent, nn.TransformerEncoder, nn.MultiheadAttention)
"""One row each, whatever is inside: their parts do not run one after the other."""

SHOWN = (
    "hidden_size",
    "num_layers",
    "bidirectional",
    "num_groups",
    "kernel_size",
    "stride",
    "padding",
    "p",
    "num_embeddings",
    "embedding_dim",
    "negative_slope",
)


def summarize(network: nn.Module, input_shape: tuple[int, ...]) -> NetworkSummary:
    """List a network's layers in the order in which they run.

    Of networks side by side, the layers of the first, and the parameters of all.

    Args:
        network: On any device; its mode is kept.
        input_shape: Of one example.
    """
    rows: list[LayerRow] = []
    handles = []
    _, first = first_network(network)

    def record(name: str, module: nn.Module) -> None:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:  # noqa: ANN401
            first = output
            while isinstance(first, tuple) and first:  # a packed sequence is one, too
                first = first[0]
            shape = tuple(first.shape[1:]) if isinstance(first, Tensor) else ()
            whole = isinstance(module, WHOLE)  # the parts of others have rows
            own = sum(p.numel() for p in module.parameters(recurse=whole))
            rows.append(
                LayerRow(
                    name=name,
                    type=_describe(module),
                    output_shape=shape,
                    num_parameters=own,
                )
            )

        handles.append(module.register_forward_hook(hook))

    inside = {
        part
        for module in first.modules()
        if isinstance(module, WHOLE)
        for part in module.modules()
        if part is not module
    }
    for name, module in first.named_modules():
        if module not in inside and _has_a_row(module):
            record(name or type(network).__name__, module)
    was_training = network.training
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(2, *input_shape, device=device))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    parameters = list(network.parameters())
    return NetworkSummary(
        input_shape=input_shape,
        layers=tuple(rows),
        num_parameters=sum(p.numel() for p in parameters),
        num_trainable=sum(p.numel() for p in parameters if p.requires_grad),
    )


def _has_a_row(module: nn.Module) -> bool:
    if isinstance(module, (Residual, *WHOLE)):
        return True
    own = any(True for _ in module.parameters(recurse=False))
    inner = any(True for _ in module.children())
    return own or not (inner or isinstance(module, nn.Sequential))


def _describe(module: nn.Module) -> str:
    if isinstance(module, Recurrent):
        return _describe(module.rnn)
    details = []
    for argument in SHOWN:
        value = getattr(module, argument, None)
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        if value in (None, 0) or (argument in ("stride", "num_layers") and value == 1):
            continue
        details.append(f"{argument}={value}")
    return type(module).__name__ + (f"({', '.join(details)})" if details else "")
