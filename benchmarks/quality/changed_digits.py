"""The digits of MNIST's test part, changed as people write and cameras see them.

Made with Pillow, not with what augments: what is learned is not what asks.
"""

import numpy as np
from PIL import Image

SHIFT, SCALES, DEGREES, WINDOW = 4, (0.75, 1.25), 20, 22
CHANGES = ("shifted", "scaled", "turned", "cropped")


def change(pixels: np.ndarray, how: str) -> np.ndarray:
    """Return changed pictures `(N, H, W)` uint8, each its own way; always the same.

    Args:
        pixels: `(N, H, W)` uint8.
        how: One of `CHANGES`.
    """
    random = np.random.default_rng(CHANGES.index(how))
    return np.stack([_changed(picture, how, random) for picture in pixels])


def _changed(picture: np.ndarray, how: str, random: np.random.Generator) -> np.ndarray:
    image = Image.fromarray(picture)
    side = image.width
    if how == "cropped":
        left, top = random.integers(0, side - WINDOW + 1, 2).tolist()
        box = (left, top, left + WINDOW, top + WINDOW)
        return np.asarray(
            image.resize((side, side), Image.Resampling.BILINEAR, box=box)
        )
    if how == "turned":
        angle = random.uniform(-DEGREES, DEGREES)
        return np.asarray(image.rotate(angle, Image.Resampling.BILINEAR))
    scale, right, down = 1.0, 0.0, 0.0
    if how == "scaled":
        scale = random.uniform(*SCALES)
    else:
        right, down = random.integers(-SHIFT, SHIFT + 1, 2).tolist()
    middle = side / 2
    # Pillow asks where each pixel of the result comes from.
    where = (1 / scale, 0, middle - (middle + right) / scale)
    and_where = (0, 1 / scale, middle - (middle + down) / scale)
    return np.asarray(
        image.transform(
            image.size,
            Image.Transform.AFFINE,
            (*where, *and_where),
            Image.Resampling.BILINEAR,
        )
    )
