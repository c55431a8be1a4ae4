"""Grey pictures of numbers wider than 8 bits: which number is white?"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from leastpack.encoders.codes import ContentError
from leastpack.encoders.tiff import is_inverted

# Pillow's modes of 16 bits, of 32 bits and of floats.
MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")

# Whites of numbers of 8, 10, 12 and 16 bits. Some write those of cameras and scanners into wider numbers as they are.
_WHITES = (255.0, 1023.0, 4095.0, 65535.0)
# What resampling leaves beyond black and white.
_OVERSHOOT = 0.25
# Below this share of the white a picture is black to the eye.
_DARK = 1 / 16


def eight_bits(image: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, bool]:
    """Make a wide picture small, and grey of 8 bits.

    What is transparent shows white. Numbers of 16 bits are 0..65535. A picture that would be black then, and any one of
    32 bits or of floats above 1, is taken for numbers of 8, 10, 12 or 16 bits: of the fewest that hold all of them.

    Args:
        image: In one of `MODES`.
        size: Width and height of the small one.

    Returns:
        The picture, and whether its white was guessed.

    Raises:
        ContentError: IMAGE_NO_SCALE.
    """
    inverted = is_inverted(image)
    wide = image if image.mode in ("I;16", "I", "F") else image.convert("I")
    low, high = (float(value) for value in wide.getextrema())  # type: ignore[arg-type]
    white, guessed = _white(image.mode, low, high)
    values = np.asarray(wide.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
    if not np.isfinite(values).all():
        raise ContentError("IMAGE_NO_SCALE", "numbers that are not finite")
    grey = np.rint(values * np.float32(255.0 / white)).clip(0, 255).astype(np.uint8)
    small = Image.fromarray(255 - grey if inverted else grey)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        seen = Image.fromarray(np.where(np.asarray(wide) == clear, 0, 255).astype(np.uint8))
        small = Image.composite(small, Image.new("L", size, 255), seen.resize(size, Image.Resampling.BICUBIC))
    return small, guessed


def _white(mode: str, low: float, high: float) -> tuple[float, bool]:
    """What number is white, and whether that is a guess."""
    if mode == "F":
        return _white_of_floats(low, high)
    if low < 0 or high > _WHITES[-1]:
        raise ContentError("IMAGE_NO_SCALE", f"numbers from {low:g} to {high:g}")
    if mode != "I" and (high == 0 or high >= _DARK * _WHITES[-1]):
        return _WHITES[-1], False
    return min(white for white in _WHITES if high <= white), high > 0


def _white_of_floats(low: float, high: float) -> tuple[float, bool]:
    for white in (1.0, *_WHITES):
        dark = _DARK * white if white > 1 else -math.inf
        if dark <= high <= (1 + _OVERSHOOT) * white and low >= -_OVERSHOOT * white:
            return white, white > 1
    raise ContentError("IMAGE_NO_SCALE", f"numbers from {low:g} to {high:g}")
