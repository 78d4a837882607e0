"""What people and other libraries call the parts of a plan; plans have PyTorch's names.

Only for messages: each of these names is refused, with the one to write.
"""

from collections.abc import Iterable, Mapping, Sequence

from torchsmith.core.errors import did_you_mean, either, near_names, nearest

MOST_LISTED = 14
"""Longer lists of names are not written out in a message."""

_SPECS: Mapping[str, tuple[str, ...]] = {
    "dense": ("Linear",),
    "fc": ("Linear",),
    "fullyconnected": ("Linear",),
    "swish": ("SiLU",),
    "conv": ("Conv2d",),
    "conv2dtranspose": ("ConvTranspose2d",),
    "maxpooling1d": ("MaxPool1d",),
    "maxpooling2d": ("MaxPool2d",),
    "maxpooling3d": ("MaxPool3d",),
    "averagepooling1d": ("AvgPool1d",),
    "averagepooling2d": ("AvgPool2d",),
    "averagepooling3d": ("AvgPool3d",),
    "globalaveragepooling1d": ("AdaptiveAvgPool1d: 1",),
    "globalaveragepooling2d": ("AdaptiveAvgPool2d: 1",),
    "globalaveragepooling3d": ("AdaptiveAvgPool3d: 1",),
    "globalmaxpooling2d": ("AdaptiveMaxPool2d: 1",),
    "batchnorm": ("BatchNorm1d", "BatchNorm2d"),
    "batchnormalization": ("BatchNorm1d", "BatchNorm2d"),
    "layernormalization": ("LayerNorm",),
    "groupnormalization": ("GroupNorm",),
    "simplernn": ("RNN",),
    "reshape": ("Unflatten", "Flatten"),
    "multiheadattention": ("TransformerEncoder",),
    "resblock": ("Residual",),
    "cnn": ("ConvNet",),
    "mlpclassifier": ("MLP",),
    "mlpregressor": ("MLP",),
    "categoricalcrossentropy": ("CrossEntropyLoss",),
    "sparsecategoricalcrossentropy": ("CrossEntropyLoss",),
    "binarycrossentropy": ("BCELoss", "BCEWithLogitsLoss"),
    "meansquarederror": ("MSELoss",),
    "l2loss": ("MSELoss",),
    "mae": ("L1Loss",),
    "meanabsoluteerror": ("L1Loss",),
    "momentum": ("SGD: {momentum: 0.9}",),
    "cosine": ("CosineAnnealingLR",),
    "cosinedecay": ("CosineAnnealingLR",),
    "cosinedecayrestarts": ("CosineAnnealingWarmRestarts",),
    "exponentialdecay": ("ExponentialLR",),
    "polynomialdecay": ("PolynomialLR",),
    "piecewiseconstantdecay": ("MultiStepLR",),
    "plateau": ("ReduceLROnPlateau",),
    "warmup": ("SequentialLR", "LinearLR"),
    "linearwarmup": ("SequentialLR", "LinearLR"),
    "glorotuniform": ("xavier_uniform_",),
    "glorotnormal": ("xavier_normal_",),
    "heuniform": ("kaiming_uniform_",),
    "henormal": ("kaiming_normal_",),
    "randomuniform": ("uniform_",),
    "randomnormal": ("normal_",),
    "truncatednormal": ("trunc_normal_",),
    "averagedmodel": ("EMA", "SWA"),
    "exponentialmovingaverage": ("EMA",),
    "stochasticweightaveraging": ("SWA",),
}
_KEYS: Mapping[str, tuple[str, ...]] = {
    "units": ("out_features", "hidden_size", "hidden"),
    "out": ("out_features", "out_channels"),
    "filters": ("out_channels",),
    "pool_size": ("kernel_size",),
    "size": ("output_size", "kernel_size"),
    "rate": ("p",),
    "axis": ("dim",),
    "slope": ("negative_slope",),
    "alpha": ("negative_slope", "rho"),
    "rho": ("alpha",),
    "input_dim": ("num_embeddings",),
    "output_dim": ("embedding_dim",),
    "use_bias": ("bias",),
    "num_heads": ("nhead",),
    "shape": ("normalized_shape",),
    "block": ("layers",),
    "learning_rate": ("lr",),
    "beta_1": ("betas",),
    "beta_2": ("betas",),
    "decay": ("weight_decay",),
    "l2": ("weight_decay",),
    "value": ("val",),
    "sigma": ("std",),
    "stddev": ("std",),
    "beta": ("delta", "decay"),
    "delta": ("beta",),
    "num_epochs": ("epochs",),
    "n_epochs": ("epochs",),
    "max_epochs": ("epochs",),
    "amp": ("precision",),
    "mixed_precision": ("precision",),
    "dtype": ("precision",),
    "clip": ("clip_grad_norm",),
    "clipnorm": ("clip_grad_norm",),
    "gradient_clip_val": ("clip_grad_norm",),
    "gradient_accumulation": ("accumulate",),
    "gradient_accumulation_steps": ("accumulate",),
    "accumulation_steps": ("accumulate",),
    "random_state": ("seed",),
    "criterion": ("loss",),
    "model": ("network",),
    "layers": ("network", "hidden"),
    "groups": ("num_groups",),
    "scheduler": ("schedule",),
    "lr_scheduler": ("schedule",),
    "transforms": ("augment",),
    "ema": ("averaging",),
    "swa": ("averaging",),
    "initializers": ("init",),
    "initialisers": ("init",),
    "early_stopping": ("stopping",),
    "callbacks": ("stopping",),
}
_VALUES: Mapping[str, tuple[str, ...]] = {
    "gpu": ("cuda", "mps"),
    "metal": ("mps",),
    "bf16": ("bfloat16",),
    "fp32": ("float32",),
}
_FOLLOWS = "it follows from the data; leave it out"
_SAME = "it changes no result; leave it out"
_LENGTH = "it follows from training.epochs; leave it out"
_NOT_HERE: Mapping[str, str] = {
    "in_features": _FOLLOWS,
    "in1_features": _FOLLOWS,
    "in2_features": _FOLLOWS,
    "in_channels": _FOLLOWS,
    "num_features": _FOLLOWS,
    "num_channels": _FOLLOWS,
    "input_size": _FOLLOWS,
    "input_shape": _FOLLOWS,
    "input_dim": _FOLLOWS,
    "d_model": _FOLLOWS,
    "inplace": _SAME,
    "sparse": _SAME,
    "fused": _SAME,
    "foreach": _SAME,
    "capturable": _SAME,
    "differentiable": _SAME,
    "total_steps": _LENGTH,
    "epochs": _LENGTH,
    "steps_per_epoch": _LENGTH,
    "device": "training.device is that of the whole network; leave it out",
    "dtype": "training.precision is that of the whole network; leave it out",
    "batch_first": "it is always true; leave it out",
    "return_sequences": "write output: all, or output: last",
    "activation": "an activation is a layer of its own, after this one",
    "size_average": "it is deprecated in PyTorch; write reduction",
    "reduce": "it is deprecated in PyTorch; write reduction",
    "ignore_index": "every example has a class; leave it out",
    "from_logits": "CrossEntropyLoss and BCEWithLogitsLoss take raw outputs, NLLLoss "
    "and BCELoss do not",
    "maximize": "training lowers the loss; leave it out",
    "optimizer": "it is known; leave it out",
    "tensor": "it is known; name parameters by params, or leave it out",
    "generator": "training.seed is for all; leave it out",
    "last_epoch": "a resumed run knows where it is; leave it out",
    "verbose": "the rates are shown anyway; leave it out",
    "monitor": "it follows the validation loss; leave it out",
    "mode": "which way is better is known; leave it out",
}
"""Arguments of PyTorch and of others that specs do not have, and why."""
_NEXT_ROW = "forecasts are of the next row only; leave it out"
_NO_KEYS: Mapping[str, str] = {
    "horizon": _NEXT_ROW,
    "forecast_horizon": _NEXT_ROW,
    "prediction_length": _NEXT_ROW,
    "pred_len": _NEXT_ROW,
    "steps_ahead": _NEXT_ROW,
    "mode": _NOT_HERE["mode"],
    "shuffle": "each epoch has an order of its own; leave it out",
    "num_workers": "batches need none; leave it out",
    "metrics": "the first one is problem.metric, the usual ones follow",
}


def spec_names(name: str, allowed: Iterable[str]) -> list[str]:
    """Return what to write for a spec that goes by another name elsewhere.

    >>> spec_names("nn.leaky_relu", ["ReLU", "LeakyReLU"])
    ['LeakyReLU']
    >>> spec_names("mse", ["MSELoss", "L1Loss"])
    ['MSELoss']
    """
    bare = _bare(name)
    known = list(allowed)
    same = [each for each in known if bare in (_bare(each), _without_kind(each))]
    there = [w for w in _SPECS.get(bare, ()) if w.split(":")[0] in known]
    return same[:1] or there


def spec_hint(name: str, allowed: Iterable[str], word: str) -> str:
    """Say what to write instead of an unknown spec, as the end of a message.

    Args:
        name: As it was written.
        allowed: The names of the closed set.
        word: What a member of the set is called.
    """
    known = list(allowed)
    if written := spec_names(name, known):
        return "; write " + either(written)
    if _bare(name) in ("input", "inputlayer") and word == "layer":
        return "; the shape of the input follows from the data: leave it out"
    if near := _near_specs(name, known):
        return near
    if len(known) > MOST_LISTED:
        return f"; docs/plan.md lists all {len(known)} that there are"
    return f"; it can be {', '.join(known)}"


def key_names(key: str, allowed: Sequence[str]) -> list[str]:
    """Return the keys that a person may have meant, the likeliest first."""
    return _other_keys(key, allowed) or near_names(key, allowed)


def why_not_here(key: str, allowed: Sequence[str], *, of_spec: bool) -> str:
    """Say why there is no such key, though others have it, or return nothing.

    Args:
        key: As it was written.
        allowed: The keys that there are.
        of_spec: Whether it is an argument of a layer, an optimizer and the like.
    """
    if _other_keys(key, allowed):
        return ""
    if key in ("size_average", "reduce") and "reduction" not in allowed:
        return ""
    return (_NOT_HERE if of_spec else _NO_KEYS).get(key, "")


def key_hint(key: str, allowed: Sequence[str], elsewhere: str = "") -> str:
    """Say which key a person may have meant, as the end of a message.

    Args:
        key: As it was written.
        allowed: The keys that there are.
        elsewhere: Where the key does stand; then it was not mistyped.
    """
    if other := _other_keys(key, allowed):
        return "; write " + either(other)
    return "" if elsewhere else nearest(key, allowed)


def value_hint(value: str, allowed: Sequence[str]) -> str:
    """Say which of a few values a person may have meant, as the end of a message.

    >>> value_hint("gpu", ["auto", "cpu", "cuda", "mps"])
    "; write 'cuda' or 'mps'"
    """
    other = [name for name in _VALUES.get(value.lower(), ()) if name in allowed]
    return "; write " + either(other) if other else nearest(value, allowed)


def _other_keys(key: str, allowed: Sequence[str]) -> list[str]:
    return [name for name in _KEYS.get(key, ()) if name in allowed]


def _bare(name: str) -> str:
    """Return what is left of a name without modules, calls, case and underscores."""
    called = name.split("(", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]
    return called.replace("_", "").replace("-", "").replace(" ", "").lower()


def _without_kind(name: str) -> str:
    return _bare(name.removesuffix("Loss").removesuffix("LR"))


def _near_specs(name: str, allowed: list[str]) -> str:
    """Compare without what all names of a set end in, which makes any two alike."""
    for kind in ("Loss", "LR"):
        if name.endswith(kind) and sum(each.endswith(kind) for each in allowed) > 2:
            short = {each.removesuffix(kind): each for each in allowed}
            found = near_names(name.removesuffix(kind), short)
            return did_you_mean([short[each] for each in found])
    return nearest(name.rsplit(".", maxsplit=1)[-1], allowed)
