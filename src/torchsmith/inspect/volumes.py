"""Facts and findings about volumes."""

import numpy as np

from torchsmith.data.data import Volumes
from torchsmith.inspect.inspection import VolumeFacts


def describe_volumes(volumes: Volumes) -> VolumeFacts:
    """Return facts about volumes."""
    values = volumes.values
    _, channels, depth, height, width = values.shape
    return VolumeFacts(
        channels=channels,
        depth=depth,
        height=height,
        width=width,
        voxel_max=float(values.max()),
        mean=float(values.mean(dtype=np.float64)),
        deviation=float(values.std(dtype=np.float64)),
        binary=bool(((values == 0) | (values == 1)).all()),
    )
