"""Expressions of `epoch` are arithmetic, and nothing else."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchsmith.core.errors import PlanError
from torchsmith.plan.expression import MAX_DEPTH, parse_expression

PYTHON = {
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "floor": math.floor,
    "pi": math.pi,
    "__builtins__": {},
}

ATOMS = st.sampled_from(["epoch", "pi"]) | st.floats(0, 20).map(repr)


def compounds(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
    order = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    one = st.sampled_from(["sqrt", "exp", "log", "sin", "cos", "floor"])
    several = st.sampled_from(["min", "max"])
    return st.one_of(
        st.builds("({} {} {})".format, inner, two, inner),
        st.builds("(-{})".format, inner),
        st.builds("{}({})".format, one, inner),
        st.builds("{}({}, {})".format, several, inner, inner),
        st.builds("({} if {} {} {} else {})".format, inner, inner, order, inner, inner),
        st.builds("({} < {} <= {})".format, inner, inner, inner),
    )


EXPRESSIONS = st.recursive(ATOMS, compounds, max_leaves=6).filter(
    lambda text: len(text) <= 200
)


def value_of(compute):
    """The value as a float, or None where there is none."""
    try:
        value = compute()
    except (ArithmeticError, ValueError, TypeError):
        return None
    return None if isinstance(value, complex) else float(value)


@settings(deadline=None)
@given(EXPRESSIONS, st.integers(0, 1000))
def test_an_expression_is_worth_what_python_makes_of_it(text, epoch):
    expected = value_of(lambda: eval(text, PYTHON, {"epoch": float(epoch)}))
    found = value_of(lambda: parse_expression(text)(epoch))
    if expected is None or not math.isfinite(expected):
        assert found is None or not math.isfinite(found)
    else:
        assert found == expected


@settings(deadline=None)
@given(
    st.text(max_size=60) | st.text("epochminax0123456789.+-*/%()<>= ,if", max_size=60)
)
def test_any_text_is_a_function_or_is_refused(text):
    try:
        function = parse_expression(text)
    except PlanError:
        return
    value_of(lambda: function(3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.95 ** epochs", r"'epochs' at character 9: unknown name; did you mean 'epo"),
        ("__import__('os')", "unknown name; it takes numbers, epoch, pi"),
        ("epoch.real", "'epoch.real' at character 1: not allowed"),
        ("(lambda: 1)()", "not allowed"),
        ("[1, 2]", "not allowed"),
        ("'a'", "not allowed"),
        ("True", "not allowed"),
        ("1j", "not allowed"),
        ("epoch ^ 2", r"a power is written \*\*; it takes"),
        ("~epoch", "not allowed"),
        ("not epoch", "not allowed"),
        ("epoch in (1, 2)", "not allowed"),
        ("(epoch := 3)", "not allowed"),
        ("sqrt(1, 2)", "sqrt takes one number"),
        ("min(3)", "min takes two numbers or more"),
        ("max(*epoch)", "max takes two numbers or more"),
        ("min(1, 2, key=3)", "not allowed|unknown name"),
        ("epoch +", "is no expression"),
        ("", "is no expression"),
        ("1 2", "is no expression at character"),
        ("9" * 201, "has 201 characters; at most 200 are read"),
        ("-" * 150 + "1", f"nested more than {MAX_DEPTH} deep"),
        ("(" * 100 + "1" + ")" * 99, "is no expression"),
    ],
)
def test_what_is_no_arithmetic_is_refused(text, message):
    with pytest.raises(PlanError, match=message):
        parse_expression(text)


def test_a_chain_of_comparisons_ends_at_the_first_that_does_not_hold():
    assert parse_expression("epoch < epoch <= epoch / epoch")(0) == 0.0


def test_towers_of_powers_end_at_once():
    with pytest.raises(ArithmeticError):
        parse_expression("9 ** 9 ** 9 ** 9")(0)


def test_a_root_of_a_negative_number_has_no_value():
    with pytest.raises(ValueError, match="root of a negative"):
        parse_expression("(epoch - 8) ** 0.5")(0)
