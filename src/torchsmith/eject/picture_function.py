"""The function of a script that reads one picture."""

from collections.abc import Collection

from torchsmith.data.pixels import ImagePreparation
from torchsmith.eject.code import block, comment, function


def picture_function(
    prepared: ImagePreparation,
    done: Collection[str],
    *,
    has_jpeg: bool,
    resizes: bool,
) -> str:
    """Write how a picture file becomes an array.

    Args:
        prepared: The size and the channels of the array.
        done: What was done to some of the pictures, as `check` tells it.
        has_jpeg: Whether some are JPEGs.
        resizes: Whether some have another size.
    """
    height, width = prepared.height, prepared.width
    body = ["picture = Image.open(path)"]
    if has_jpeg:
        twice = 2 * max(height, width)
        body += [
            comment(
                "A JPEG can be decoded at a fraction of its size, which is faster.", 1
            ),
            f"picture.draft(None, ({twice}, {twice}))",
        ]
    if any("EXIF" in what for what in done):
        body.append("picture = ImageOps.exif_transpose(picture)  # upright")
    if any("alpha" in what for what in done):
        lay = [
            'picture = picture.convert("RGBA")',
            'white = Image.new("RGBA", picture.size, "white")',
            "picture = Image.alpha_composite(white, picture)",
        ]
        body.append(block("if picture.has_transparency_data:", lay))
    if any("16-bit" in what for what in done):
        lay = [
            "levels = np.asarray(picture).astype(np.uint16) >> 8",
            "picture = Image.fromarray(levels.astype(np.uint8))",
        ]
        body.append(block('if picture.mode.startswith("I;16"):', lay))
    grey = prepared.channels == 1
    body.append(f'picture = picture.convert("{"L" if grey else "RGB"}")')
    if resizes:
        how = "Image.Resampling.BILINEAR, reducing_gap=2.0"
        body.append(f"picture = picture.resize(({width}, {height}), {how})")
    body.append(
        "return np.asarray(picture)[None]"
        if grey
        else "return np.asarray(picture).transpose(2, 0, 1)"
    )
    about = f"Return one picture, ({prepared.channels}, {height}, {width})."
    return function("read_picture(path)", about, body)
