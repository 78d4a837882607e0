"""Long lists of numbers as short text, so that a file of ten thousand stays small."""

from base64 import b64decode, b64encode

import numpy as np


def text_of(numbers: np.ndarray) -> str:
    """Return base64 text of bytes, or of numbers rounded to float32."""
    packed = numbers if numbers.dtype == np.uint8 else numbers.astype("<f4")
    return b64encode(packed.tobytes()).decode()


def numbers_of(text: str) -> np.ndarray:
    """Return the float32 numbers of a text."""
    return np.frombuffer(b64decode(text), "<f4")
