"""What a network is made of, found out by running it once on zeros."""

from typing import Any

import torch
from torch import Tensor, nn

from torchsmith.nn.summary import LayerRow, NetworkSummary

SHOWN = (
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

    Args:
        network: On any device; its mode is kept.
        input_shape: Of one example.
    """
    rows: list[LayerRow] = []
    handles = []

    def record(name: str, module: nn.Module) -> None:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:  # noqa: ANN401
            shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            own = sum(p.numel() for p in module.parameters(recurse=True))
            rows.append(
                LayerRow(
                    name=name,
                    type=_describe(module),
                    output_shape=shape,
                    num_parameters=own,
                )
            )

        handles.append(module.register_forward_hook(hook))

    for name, module in network.named_modules():
        own = any(True for _ in module.parameters(recurse=False))
        if own or not list(module.children()):
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


def _describe(module: nn.Module) -> str:
    details = []
    for argument in SHOWN:
        value = getattr(module, argument, None)
        if value in (None, 0, (0, 0)) or (argument == "stride" and value == (1, 1)):
            continue
        if isinstance(value, tuple) and len(set(value)) == 1:
            value = value[0]
        details.append(f"{argument}={value}")
    return type(module).__name__ + (f"({', '.join(details)})" if details else "")
