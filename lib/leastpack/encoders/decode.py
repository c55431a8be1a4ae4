"""Image bytes to the encoder's input."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError

from leastpack.config.encoders import MAX_MEMORY, MAX_PIXELS
from leastpack.encoders import jpeg, png, tiff, wide
from leastpack.encoders.codes import ContentError
from leastpack.encoders.memory import ROOM, decoding_bytes

# Formats of cameras and shops. Pillow knows more, some of which start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# Pillow loads its less common decoders late, and not for names in `formats`.
Image.init()
# The limit of pixels is the config's, and a code tells of it.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# A channel whose brightest and darkest pixel differ by no more than this, of 255, is of one colour.
FLAT = 16
# Longer EXIF data is not looked into for the orientation.
MOST_EXIF = 1_000_000

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


@dataclass(frozen=True)
class Decoded:
    """A picture as an encoder takes it.

    Attributes:
        pixels: Red, green and blue, normalised, shape (3, side, side).
        warning: A key of `WARNINGS`, if it is one to look at.
    """

    pixels: NDArray[np.float32]
    warning: str | None


@dataclass(frozen=True)
class Shrunk:
    """A small upright picture of red, green and blue, and a warning as of `Decoded`."""

    image: Image.Image
    warning: str | None


def decode(
    data: bytes,
    *,
    side: int = 224,
    mean: Sequence[float] = (0.5, 0.5, 0.5),
    std: Sequence[float] = (0.5, 0.5, 0.5),
    max_pixels: int = MAX_PIXELS,
    max_memory: int = MAX_MEMORY,
) -> NDArray[np.float32]:
    """The pixels of `decode_warned`."""
    return decode_warned(data, side=side, mean=mean, std=std, max_pixels=max_pixels, max_memory=max_memory).pixels


def decode_warned(
    data: bytes,
    *,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
    max_pixels: int,
    max_memory: int,
) -> Decoded:
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
        max_memory: Bytes that the pictures under decoding in this process may take; it waits for its part.

    Raises:
        ContentError: An IMAGE_ code.
        MemoryError: There is too little memory, which says nothing about the picture.
    """
    small = shrink(data, lambda _width, _height: (side, side), max_pixels, max_memory)
    scale = 1.0 / (255.0 * np.asarray(std, dtype=np.float32))
    shift = np.asarray(mean, dtype=np.float32) / np.asarray(std, dtype=np.float32)
    pixels = np.asarray(small.image, dtype=np.float32) * scale - shift
    return Decoded(np.ascontiguousarray(pixels.transpose(2, 0, 1)), small.warning)


def shrink(data: bytes, size_of: Callable[[int, int], tuple[int, int]], max_pixels: int, max_memory: int) -> Shrunk:
    """Decode a picture, make it small, and turn it upright.

    Args:
        data: The file's bytes.
        size_of: Width and height of the small one from those of the picture as it lies.
        max_pixels: As for `decode_warned`.
        max_memory: As for `decode_warned`.

    Raises:
        ContentError: An IMAGE_ code.
        MemoryError: There is too little memory, which says nothing about the picture.
    """
    if not data:
        raise ContentError("IMAGE_EMPTY")
    try:
        tiff.check_lists(data)
        image = Image.open(io.BytesIO(png.essential(data)), formats=FORMATS)
        pixels = image.width * image.height
        if max(pixels, tiff.tile_pixels(image)) > max_pixels:
            raise ContentError("IMAGE_TOO_LARGE", f"{image.width} x {image.height} pixels")
        size = size_of(image.width, image.height)
        image.draft("RGB", size)
        needed = decoding_bytes(image, pixels)
        if needed > max_memory:
            raise ContentError("IMAGE_TOO_LARGE", f"it takes about {needed:,} bytes to decode")
        with ROOM.taken(needed, max_memory), image:
            image.load()
            if not _is_whole(image, data):
                raise ContentError("IMAGE_TRUNCATED", "its last part is missing")
            return _shrunk(image, size)
    except (ContentError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise ContentError("IMAGE_NOT_AN_IMAGE") from None
    except Image.DecompressionBombError as error:
        raise ContentError("IMAGE_TOO_LARGE", str(error)) from None
    except Exception as error:  # decoders fail in many ways on hostile bytes: OSError, SyntaxError, struct.error, ...
        code = "IMAGE_TRUNCATED" if "truncated" in str(error).lower() else "IMAGE_BROKEN"
        raise ContentError(code, repr(error)) from None


def _is_whole(image: Image.Image, data: bytes) -> bool:
    """Whether the loaded picture has all its pixels; of some formats Pillow fills up what is missing, and says nothing.

    Looking closer takes time, and is left to pictures that end as such a one does.
    """
    if image.format == "PNG":
        return not png.may_lack_rows(image) or png.has_all_rows(data)
    if image.format in ("JPEG", "MPO"):
        return not jpeg.may_lack_blocks(image) or jpeg.has_all_blocks(data, image)
    return True


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Shrunk:
    """The loaded picture, small."""
    if image.mode in wide.MODES:
        small, guessed = wide.eight_bits(image, size)
        warning = "IMAGE_SCALE_GUESSED" if guessed else None
    elif tiff.is_signed(image):
        raise ContentError("IMAGE_NO_SCALE", "signed numbers")
    else:
        small, warning = _to_rgb(image, size), None
    upright = _upright(image, small.convert("RGB"))
    return Shrunk(upright, "IMAGE_FLAT" if _is_flat(upright) else warning)


def _to_rgb(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.has_transparency_data:
        layer = image if image.mode == "RGBA" else image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", size, _WHITE), layer.resize(size, Image.Resampling.BICUBIC))
        return flat.convert("RGB")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        # Only Adobe's programs store how much ink is not there; Pillow takes all files to be theirs.
        image = ImageChops.invert(image)
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    return rgb.resize(size, Image.Resampling.BICUBIC)


def _is_flat(small: Image.Image) -> bool:
    return all(high - low <= FLAT for low, high in small.getextrema())  # type: ignore[misc]


def _upright(image: Image.Image, small: Image.Image) -> Image.Image:
    """Apply the picture's EXIF orientation to its small square; damaged EXIF data leaves it as it lies."""
    if len(image.info.get("exif", b"")) > MOST_EXIF:
        return small
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # EXIF readers fail in as many ways as decoders do
        turn = None
    return small if turn is None else small.transpose(turn)
