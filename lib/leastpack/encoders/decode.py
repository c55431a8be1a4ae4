"""Image bytes to the encoder's input."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from leastpack.encoders.codes import ContentError

# Formats of cameras and shops. Pillow knows more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# Pillow loads its less common decoders late, and not for names in `formats`.
Image.init()
# The limit of pixels is the config's, and a code tells of it.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# Pictures above this many pixels are decoded one at a time, so that a row of huge ones cannot fill the memory.
HUGE_PIXELS = 16_000_000
_huge = threading.Lock()

_WHITE = (255, 255, 255, 255)
# What undoes each EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(
    data: bytes,
    *,
    side: int = 224,
    mean: Sequence[float] = (0.5, 0.5, 0.5),
    std: Sequence[float] = (0.5, 0.5, 0.5),
    max_pixels: int = 60_000_000,
) -> NDArray[np.float32]:
    """Decode a picture, turn it upright, and squeeze the whole of it into a square.

    Nothing is cropped away, as the product may stand anywhere in a tunnel photo. JPEGs are decoded at the smallest
    of libjpeg's scales that is not below `side`. Of an animation the first frame counts; what is transparent shows
    white.

    Args:
        data: The file's bytes.
        side: Sides of the result in pixels.
        mean: Mean of each channel, 0..1, to subtract.
        std: Deviation of each channel, 0..1, to divide by.
        max_pixels: Larger pictures are refused before anything of them is decoded.

    Returns:
        Red, green and blue, normalised, shape (3, side, side).

    Raises:
        ContentError: An IMAGE_ code.
        MemoryError: There is too little memory, which says nothing about the picture.
    """
    small = shrink(data, lambda _width, _height: (side, side), max_pixels)
    scale = 1.0 / (255.0 * np.asarray(std, dtype=np.float32))
    shift = np.asarray(mean, dtype=np.float32) / np.asarray(std, dtype=np.float32)
    return np.ascontiguousarray((np.asarray(small, dtype=np.float32) * scale - shift).transpose(2, 0, 1))


def shrink(data: bytes, size_of: Callable[[int, int], tuple[int, int]], max_pixels: int) -> Image.Image:
    """Decode a picture, make it small, and turn it upright.

    Args:
        data: The file's bytes.
        size_of: Width and height of the small one from those of the picture as it lies.
        max_pixels: Larger pictures are refused before anything of them is decoded.

    Returns:
        Red, green and blue.

    Raises:
        ContentError: An IMAGE_ code.
        MemoryError: There is too little memory, which says nothing about the picture.
    """
    if not data:
        raise ContentError("IMAGE_EMPTY")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise ContentError("IMAGE_TOO_LARGE", f"{image.width} x {image.height} pixels")
            size = size_of(image.width, image.height)
            with _huge if pixels > HUGE_PIXELS else nullcontext():
                image.draft("RGB", size)
                return _to_rgb(image, size)
    except (ContentError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise ContentError("IMAGE_NOT_AN_IMAGE") from None
    except Image.DecompressionBombError as error:
        raise ContentError("IMAGE_TOO_LARGE", str(error)) from None
    except Exception as error:  # decoders fail in many ways on hostile bytes: OSError, SyntaxError, struct.error, ...
        code = "IMAGE_TRUNCATED" if "truncated" in str(error).lower() else "IMAGE_BROKEN"
        raise ContentError(code, repr(error)) from None


def _to_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel; Pillow would clip them at 255
        grey = Image.fromarray((np.asarray(image, dtype=np.float32) / 257.0).clip(0, 255).astype(np.uint8))
        return _upright(image, grey.resize(size, Image.Resampling.BICUBIC)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA").resize(size, Image.Resampling.BICUBIC)
        flat = Image.alpha_composite(Image.new("RGBA", size, _WHITE), layer)
        return _upright(image, flat.convert("RGB"))
    image.load()
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return _upright(image, rgb.resize(size, Image.Resampling.BICUBIC))


def _upright(image: Image.Image, small: Image.Image) -> Image.Image:
    """Apply the picture's EXIF orientation to its small square; damaged EXIF data leaves it as it lies."""
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # EXIF readers fail in as many ways as decoders do
        turn = None
    return small if turn is None else small.transpose(turn)
