"""ASCII in place of marks and bars that an encoding does not have."""

import codecs
from functools import partial

STAND_INS = {
    **dict(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True)),
    **dict(zip("✓✗·▸–−×“”", '+x->--x""', strict=True)),
    "\u00a0": " ",
    "→": "->",
    "…": "...",
    "±": "+-",
    "²": "^2",
    "³": "^3",
    "√": "sqrt",
    "∞": "inf",
}


def with_stand_ins(otherwise: str) -> str:
    """Return the name of an error handler of encoding that writes stand-ins.

    Args:
        otherwise: The name of the handler of all other characters.
    """
    name = f"torchsmith-{otherwise}"
    codecs.register_error(name, partial(_stand_in, otherwise))
    return name


def _stand_in(otherwise: str, error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    error.end = error.start + 1
    if found := STAND_INS.get(error.object[error.start]):
        return found, error.end
    return codecs.lookup_error(otherwise)(error)
