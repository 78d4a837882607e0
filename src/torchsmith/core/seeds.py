"""Every random number comes from a named seed and a position.

Order, dropout and initial weights are functions of (seed, purpose, position), never of
what was drawn before: a run that resumes at step 412 draws what the uninterrupted run
drew there.
"""

from hashlib import blake2b

import numpy as np

LARGEST_SEED = 2**63 - 1
"""Larger numbers do not fit into the integers of NumPy and TensorBoard."""


def derive_seed(seed: int, purpose: str, *position: int) -> int:
    """Return a 63-bit seed for one purpose at one position.

    Args:
        seed: The seed of the plan.
        purpose: What the numbers are for, such as `"order"` or `"dropout"`.
        position: Where in the run, such as an epoch or a step.

    >>> derive_seed(0, "order", 1) == derive_seed(0, "order", 1)
    True
    >>> derive_seed(0, "order", 1) == derive_seed(0, "order", 2)
    False
    """
    key = "/".join([str(seed), purpose, *map(str, position)])
    digest = blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, purpose: str, *position: int) -> np.random.Generator:
    """Return NumPy's counter-based generator for one purpose at one position."""
    return np.random.Generator(np.random.Philox(derive_seed(seed, purpose, *position)))
