"""Long lists of numbers as short text, so that a file of ten thousand stays small."""

import math
from base64 import b64decode, b64encode

import numpy as np


def text_of(numbers: np.ndarray) -> str:
    """Return base64 text of bytes, or of numbers rounded to float32."""
    packed = numbers if numbers.dtype == np.uint8 else numbers.astype("<f4")
    return b64encode(packed.tobytes()).decode()


def numbers_of(text: str) -> np.ndarray:
    """Return the float32 numbers of a text."""
    return np.frombuffer(b64decode(text), "<f4")


def bits_of(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the bits of a text of packed bytes, bool, in a shape."""
    packed = np.frombuffer(b64decode(text), np.uint8)
    return np.unpackbits(packed, count=math.prod(shape)).reshape(shape).astype(bool)
