"""Photos from strangers: looked at in a small closed room, copied, and the original thrown away.

A photo is known by its content, not its name; bounded in bytes and in pixels before it is
decoded; turned upright and encoded anew, so that nothing of the file but the picture survives:
no EXIF, no position, no thumbnail, no trailing bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from PIL import Image, ImageOps

from tocsin.kernel.shared import Refused
from tocsin.runtime.reception import Photo

BYTES_MAX: Final = 12 * 2**20
"""A 50-megapixel photo of a telephone, as JPEG."""
PIXELS_MAX: Final = 25_000_000
"""Decoded at once: 100 MB at four bytes a pixel, in each of two threads."""
JPEG_PIXELS_MAX: Final = 80_000_000
"""A large JPEG is decoded at an eighth to half of its size, so it may have more. A progressive one
may not: its decoder holds the coefficients of the whole picture."""
SIDE_MAX_PX: Final = 2_560
"""The longer side of what is kept: enough to read a house number, a seventh of the memory."""
QUALITY: Final = 85
FORMATS: Final = ("JPEG", "PNG", "WEBP")
WORKERS: Final = 2
"""Threads; Pillow lets go of the interpreter while it decodes."""
WAITING_MAX: Final = 16
"""Photos that may wait for a thread; with `BYTES_MAX` that bounds their memory."""
MEDIA_TYPE: Final = "image/jpeg"
REASONS: Final = ("photo_type", "photo_too_large", "photo_damaged", "busy")


def develop(data: bytes) -> Photo | Refused:
    """A clean copy of a photo, as JPEG; equal bytes give equal copies (content-addressed).

    Refused as photo_type, photo_too_large or photo_damaged. Takes up to a second for the largest:
    never on the event loop, see `Darkroom`.
    """
    if len(data) > BYTES_MAX:
        return Refused("photo_too_large", f"over {BYTES_MAX // 2**20} MB")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        return Refused("photo_too_large", f"over {PIXELS_MAX // 1_000_000} megapixels")
    except Exception:
        # Decoders raise many kinds of errors for bytes that are no picture; to us they are one.
        return Refused("photo_type", "not a JPEG, PNG or WebP picture")
    with picture:
        is_jpeg = picture.format in ("JPEG", "MPO")
        is_scaled = is_jpeg and "progressive" not in picture.info
        limit = JPEG_PIXELS_MAX if is_scaled else PIXELS_MAX
        if picture.width * picture.height > limit:
            return Refused("photo_too_large", f"over {limit // 1_000_000} megapixels")
        try:
            copy = _copy(picture)
        except Exception:
            # As above: whatever goes wrong while decoding is in the bytes, not in us.
            return Refused("photo_damaged", "cut off or damaged")
    return Photo(copy, MEDIA_TYPE, hashlib.sha256(copy).hexdigest())


def _copy(picture: Image.Image) -> bytes:
    picture.draft("RGB", (SIDE_MAX_PX, SIDE_MAX_PX))
    if picture.width * picture.height > PIXELS_MAX:
        raise ValueError("too large to decode at once")
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((SIDE_MAX_PX, SIDE_MAX_PX), reducing_gap=2.0)
    if upright.mode in ("RGBA", "LA", "PA", "P"):
        # JPEG has no transparency: what was see-through becomes white paper.
        layer = upright.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        upright = Image.alpha_composite(paper, layer)
    # A fresh picture: of the old object, only its pixels come along.
    clean = Image.new("RGB", upright.size)
    clean.paste(upright.convert("RGB"))
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=QUALITY, optimize=False)
    return out.getvalue()


class Darkroom:
    """Develops photos in a few threads. One per node."""

    def __init__(self, workers: int = WORKERS, waiting_max: int = WAITING_MAX) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="photos")
        self._waiting = 0
        self._waiting_max = waiting_max

    async def develop(self, data: bytes) -> Photo | Refused:
        """As the function `develop`, in a thread. Refused as `busy` when too many wait."""
        if self._waiting >= self._waiting_max:
            return Refused("busy", "too many photos at once")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, develop, data)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Lets the threads end after what they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)


__all__ = ["BYTES_MAX", "PIXELS_MAX", "Darkroom", "develop"]
