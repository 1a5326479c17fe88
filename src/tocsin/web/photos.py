"""Photos in base64, developed into clean copies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import IO

from tocsin.kernel.shared import Refused
from tocsin.runtime.photos import Darkroom
from tocsin.runtime.reception import Photo
from tocsin.web.problems import Problem


async def develop(darkroom: Darkroom, photos: Sequence[bytes | IO[bytes]]) -> tuple[Photo, ...]:
    """Clean copies, in order. Raises `Problem` for the first that is none."""
    made: list[Photo] = []
    for data in photos:
        photo = await darkroom.develop(data)
        if isinstance(photo, Refused):
            raise Problem(photo.reason, photo.detail)
        made.append(photo)
    return tuple(made)


async def develop_text(darkroom: Darkroom, photos: Sequence[str]) -> tuple[Photo, ...]:
    """As `develop`, from base64."""
    return await develop(darkroom, [_decoded(each) for each in photos])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("photo_damaged", "not base64") from None
