"""The fitted scale of one number feature."""

import numpy as np

from torchsmith.core.record import Record
from torchsmith.data.steps import QUANTILE_BOUND


class Scaling(Record):
    """`(x - center) / scale`, then `x / sqrt(1 + (x / clip)²)` where clip is not 0.

    Where there are knots, instead the place among them, evenly from -√3 to √3.

    Attributes:
        knots: Increasing; of a constant column there is one, and its place is 0.
    """

    center: float = 0.0
    scale: float = 1.0
    clip: float = 0.0
    knots: tuple[float, ...] = ()

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Scale `(N,)` float64 values."""
        if self.knots:
            bound = QUANTILE_BOUND if len(self.knots) > 1 else 0.0
            places = np.linspace(-bound, bound, len(self.knots))
            return np.asarray(np.interp(values, self.knots, places))
        scaled = (values - self.center) / self.scale
        if self.clip:
            # hypot does not overflow where the square of an outlier would.
            scaled = scaled / np.hypot(1.0, scaled / self.clip)
        return np.asarray(scaled)
