"""Arithmetic of one variable, such as `0.95 ** epoch`, checked and computed here.

Python's `ast` reads the text and nothing else does: what is not arithmetic is refused.
All numbers are floats, so that no expression can take long or grow large.
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable

from torchsmith.core.errors import PlanError, nearest

MAX_LENGTH = 200
MAX_DEPTH = 20

ALLOWED = (
    "numbers, epoch, pi, + - * / // % **, comparisons, `a if epoch < 5 else b`, and "
    "min, max, sqrt, exp, log, sin, cos, floor"
)

Function = Callable[[float], float]


def _power(base: float, exponent: float) -> float:
    if base < 0 and not exponent.is_integer():
        raise ValueError("a root of a negative number")
    return float(base**exponent)


_TWO: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
_ONE: dict[type[ast.unaryop], Callable[[float], float]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_ORDER: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "floor": math.floor,
}
_SEVERAL = ("min", "max")
_NAMES = ("epoch", "pi", *_FUNCTIONS)


def parse_expression(text: str) -> Function:
    """Return the function of `epoch` that a text means.

    The function raises `ArithmeticError` or `ValueError` where it has no value, such as
    `1 / epoch` at 0.

    Raises:
        PlanError: The text is not arithmetic; names the place and what is allowed.

    >>> parse_expression("0.5 ** (epoch // 10)")(20)
    0.25
    """
    if len(text) > MAX_LENGTH:
        raise PlanError(f"has {len(text)} characters; at most {MAX_LENGTH} are read")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python may refuse one day
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None)
        where = f" at character {column}" if column else ""
        what = f"'{text}' is no expression{where}; it takes {ALLOWED}"
        raise PlanError(what) from error
    return _function(tree.body, text.strip(), 0)


def _function(node: ast.expr, text: str, depth: int) -> Function:
    """Return what a part of the text computes."""
    if depth > MAX_DEPTH:
        raise PlanError(f"is nested more than {MAX_DEPTH} deep")

    def inner(part: ast.expr) -> Function:
        return _function(part, text, depth + 1)

    match node:
        case ast.Name(id="pi"):
            return _constant(math.pi, node, text)
        case ast.Constant(value=int() | float() as number) if type(number) is not bool:
            return _constant(number, node, text)
        case ast.Name(id="epoch"):
            return float
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _ONE:
            return _applied(_ONE[type(op)], inner(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _TWO:
            return _applied(_TWO[type(op)], inner(left), inner(right))
        case ast.Compare(ops=ops) if all(type(op) in _ORDER for op in ops):
            parts = [inner(part) for part in (node.left, *node.comparators)]
            return _compared([_ORDER[type(op)] for op in ops], parts)
        case ast.IfExp():
            test, body, other = inner(node.test), inner(node.body), inner(node.orelse)
            return lambda epoch: body(epoch) if test(epoch) else other(epoch)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in (
            _FUNCTIONS
        ):
            if (len(args) < 2) if name in _SEVERAL else (len(args) != 1):
                count = "two numbers or more" if name in _SEVERAL else "one number"
                raise _refused(node, text, f"{name} takes {count}")
            return _applied(_FUNCTIONS[name], *map(inner, args))
        case _:
            raise _refused(node, text)


def _constant(number: float, node: ast.expr, text: str) -> Function:
    try:
        value = float(number)
    except OverflowError:
        raise _refused(node, text, "too large") from None
    return lambda epoch: value  # noqa: ARG005


def _applied(function: Callable[..., float], *parts: Function) -> Function:
    def apply(epoch: float) -> float:
        return float(function(*(part(epoch) for part in parts)))

    return apply


def _compared(
    orders: list[Callable[[float, float], bool]], parts: list[Function]
) -> Function:
    def compare(epoch: float) -> float:
        left = parts[0](epoch)
        for order, part in zip(orders, parts[1:], strict=True):
            right = part(epoch)
            if not order(left, right):
                return 0.0  # as Python does, without a look at what follows
            left = right
        return 1.0

    return compare


def _refused(node: ast.expr, text: str, why: str = "") -> PlanError:
    name = node.func if isinstance(node, ast.Call) else node
    if isinstance(name, ast.Attribute) and name.attr in _NAMES:
        why = f"write {name.attr}"
    elif isinstance(node, ast.Lambda):
        why = "write only what stands after the colon, of epoch"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        why = "a power is written **"
    if not why and isinstance(name, ast.Name):
        why = f"unknown name{nearest(name.id, _NAMES)}"
    part = ast.get_source_segment(text, node) or text
    shown = part if len(part) <= 40 else part[:39] + "…"
    what = f"'{shown}' at character {node.col_offset + 1}: {why or 'not allowed'}"
    return PlanError(f"{what}; it takes {ALLOWED}".replace("?;", "?"))
