"""What `fit` cannot train or keep, told before training begins."""

import torch
from torch import Tensor, nn

from torchsmith.core.errors import PlanError
from torchsmith.plan.plan import Training
from torchsmith.train.engines.engine import is_torchs_own
from torchsmith.train.state import TrainState


def require_tensors(module: nn.Module) -> None:
    """Refuse a module whose weights a checkpoint could not hold.

    Raises:
        PlanError: Its `state_dict` has something that is no tensor.
    """
    for name, value in module.state_dict().items():
        if not isinstance(value, Tensor):
            raise PlanError(
                f"fit: the module's state_dict has a {type(value).__name__} at "
                f"{name!r}, and checkpoints hold tensors only; return a tensor from "
                "get_extra_state(), or leave it out"
            )


def require_gradients(state: TrainState, training: Training) -> None:
    """Refuse gradients that the optimizer or clipping cannot take.

    Raises:
        PlanError: They will be sparse or complex; says of which parameter.
    """
    names: dict[Tensor, str] = {p: name for name, p in state.network.named_parameters()}
    trained = [p for p in state.trained if p.requires_grad]
    sparse = {
        module.weight
        for module in state.network.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    }
    mixed = not sparse.issuperset(trained)
    found = [p for p in trained if p in sparse]
    if found and not _takes_sparse(state.optimizer, mixed=mixed):
        raise PlanError(
            f"fit: the gradient of {names[found[0]]} is sparse, and this "
            f"{type(state.optimizer).__name__} cannot take it; give "
            "torch.optim.SGD(module.parameters(), lr=0.1), without momentum and "
            "weight_decay, or make the layer with sparse=False"
        )
    found += [p for p in trained if p.is_complex()]
    if found and training.clip_grad_value:
        kind = "complex" if found[0].is_complex() else "sparse"
        raise PlanError(
            f"fit: clip_grad_value: PyTorch cannot cut the {kind} gradient of "
            f"{names[found[0]]}; use clip_grad_norm"
        )


def _takes_sparse(optimizer: torch.optim.Optimizer, *, mixed: bool) -> bool:
    """Whether it steps by sparse gradients, and what it keeps is dense, to be saved.

    Args:
        optimizer: One that is not PyTorch's own may do as it likes.
        mixed: Whether other gradients are dense.
    """
    if not is_torchs_own(optimizer):
        return True
    unfit = ("momentum", "weight_decay", "fused")
    if any(group.get(key) for group in optimizer.param_groups for key in unfit):
        return False
    if isinstance(optimizer, torch.optim.SparseAdam):
        return not mixed
    return isinstance(optimizer, torch.optim.SGD | torch.optim.Adagrad)
