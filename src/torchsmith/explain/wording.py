"""An operation on tensors as a person would write it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

MOST_LETTERS = 28
"""In a longer expression the longest operands become `…`."""

_INFIX = {"add": "+", "sub": "−", "mul": "×", "div": "/", "matmul": "@"}
_SAME = {
    "truediv": "div",
    "true_divide": "div",
    "divide": "div",
    "multiply": "mul",
    "subtract": "sub",
}
_REVERSED = {
    "rsub": "sub",
    "rtruediv": "div",
    "rdiv": "div",
    "rpow": "pow",
    "rmatmul": "matmul",
    "radd": "add",
    "rmul": "mul",
}
_POWERS = str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")


def call_text(
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    texts: Mapping[int, str],
) -> tuple[str, str]:
    """Return PyTorch's name of an operation, and the call as an expression.

    Args:
        func: The operation, such as `torch.Tensor.mul`.
        args: Its arguments.
        kwargs: Its arguments by name.
        texts: For the `id` of a tensor, how it is written.

    Returns:
        Such as `("mul", "2 × a")`.
    """
    raw = getattr(func, "__name__", "operation").strip("_")
    if raw == "get":  # an attribute, such as `Tensor.T`
        owner = getattr(func, "__self__", None)
        raw = getattr(owner, "__name__", raw)
    operands = [_operand(value, texts) for value in (*args, *kwargs.values())]
    if raw in _REVERSED and len(operands) == 2:
        operands.reverse()
    name = _REVERSED.get(raw, raw)
    # `iadd` is `add` in place.
    name = name[1:] if name[:1] == "i" and name[1:] in (*_INFIX, *_SAME) else name
    name = _SAME.get(name, name)
    # Constants stand before what they multiply: `2 × a` rather than `a × 2`.
    number_last = len(args) == 2 and not isinstance(args[1], Tensor)
    if name == "mul" and number_last and raw not in _REVERSED:
        operands.reverse()
    text = _written(name, operands)
    while len(text) > MOST_LETTERS and max(map(len, operands)) > 1:
        longest = max(range(len(operands)), key=lambda place: len(operands[place]))
        operands[longest] = "…"
        text = _written(name, operands)
    return name, text


def _written(name: str, operands: Sequence[str]) -> str:
    if name in _INFIX and len(operands) == 2:
        left, right = operands
        if name in ("mul", "div", "matmul"):
            left, right = _closed(left), _closed(right, strict=name == "div")
        elif name == "sub":
            right = _closed(right)
        return f"{left} {_INFIX[name]} {right}"
    if name == "pow" and len(operands) == 2:
        left, right = operands
        if not set(right) - set("0123456789-"):
            return f"{_closed(left, strict=True)}{right.translate(_POWERS)}"
        return f"{_closed(left, strict=True)} ^ {_closed(right, strict=True)}"
    if name == "neg" and len(operands) == 1:
        return f"−{_closed(operands[0])}"
    return f"{name}({', '.join(operands)})"


def _operand(value: Any, texts: Mapping[int, str]) -> str:  # noqa: ANN401
    if isinstance(value, Tensor):
        return texts.get(id(value), "…")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_operand(item, texts) for item in value) + "]"
    return str(value)


def _closed(text: str, *, strict: bool = False) -> str:
    """Put an operand into brackets where its own operation binds less."""
    loose = {"+", "−", "-"} | ({"×", "/", "@", "^"} if strict else set())
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if place and not depth and letter in loose:
            return f"({text})"
    return text
