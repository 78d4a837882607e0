"""PyTorch as it is by default, whatever the caller has set around a training."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def as_planned() -> Iterator[None]:
    """Let a plan alone say how is computed: with gradients, in float32.

    The caller's `no_grad`, `inference_mode`, `autocast`, default device and default
    type are back afterwards.
    """
    if "torch" not in sys.modules:  # then nothing of it can have been set
        yield
        return
    import torch

    before = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device().type != "cpu":  # it slows each call down
            stack.enter_context(torch.device("cpu"))
        if before != torch.float32:
            stack.callback(torch.set_default_dtype, before)
            torch.set_default_dtype(torch.float32)
        yield
