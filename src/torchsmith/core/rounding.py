"""Products of matrices that are rounded alike wherever their numbers lie in memory."""

import os

VARIABLE = "MKL_CBWR"
"""Read by MKL, which multiplies PyTorch's matrices, at its first call."""

ALIKE = "AUTO"
"""The same bits on the same processor, with all of its instructions."""


def round_alike(processor: str = "/proc/cpuinfo") -> None:
    """Have MKL give the same bits wherever in memory a matrix lies.

    Its default does not on processors that are not Intel's: a run and its script, or
    two runs, may differ in the last bit. A mode that somebody has set stays. It is as
    fast, measured on an AMD EPYC with AVX-512. Source: "Getting Reproducible Results"
    in the oneMKL Developer Guide.

    Args:
        processor: A file that names its maker; where there is none, nothing is set.
    """
    try:
        with open(processor, "rb") as file:  # noqa: PTH123 -- pathlib is slow to import
            is_intels = b"GenuineIntel" in file.read(4096)
    except OSError:
        return
    if not is_intels:
        os.environ.setdefault(VARIABLE, ALIKE)
