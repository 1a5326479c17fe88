"""A population grid as the weight of demand: a GeoTIFF of one uncompressed band in degrees.

Enough of TIFF 6.0 and GeoTIFF 1.1 for what tools write by default; anything else is refused in
words, not guessed at.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tocsin.simulation.dispatch.sheet import SheetError, unpacked
from tocsin.simulation.dispatch.states import Position

BLOCKS_MAX: Final = 1_500
"""Blocks with people: places of calls; a table of times between them has so many squared."""
WIDTH, LENGTH, BITS, COMPRESSION, OFFSETS, BANDS, COUNTS, FORMAT, SCALE, TIE = (
    256, 257, 258, 259, 273, 277, 279, 339, 33550, 33922,
)  # fmt: skip
SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 12: 8}
CODES: Final = {1: "B", 3: "H", 4: "I", 12: "d"}
KINDS: Final = {1: "u", 2: "i", 3: "f"}


@dataclass(frozen=True, slots=True)
class Block:
    """A square of the grid with people in it: its middle, weighed by them, and how many."""

    place: Position
    weight: float


def blocks_of(path: Path, blocks_max: int = BLOCKS_MAX) -> tuple[Block, ...]:
    """The grid's cells in square blocks, as small as that at most `blocks_max` have people.

    Cells that are negative or no number have nobody. Raises SheetError.
    """
    data = unpacked(path)
    try:
        grid, lon, lat, dx, dy = _grid(data)
    except (struct.error, IndexError, KeyError, ValueError) as error:
        raise SheetError(f"{path.name} is no plain GeoTIFF of one band in degrees") from error
    people = np.where(np.isfinite(grid) & (grid > 0), grid, 0.0)
    size = 1
    while True:
        blocks = _blocks(people, size)
        if 0 < np.count_nonzero(blocks[0]) <= blocks_max:
            break
        if size > max(people.shape):
            raise SheetError(f"{path.name}: nobody lives there")
        size += 1
    total, rows, columns = blocks
    return tuple(
        Block(
            (
                lon + (float(columns[row, column]) + 0.5) * dx,
                lat - (float(rows[row, column]) + 0.5) * dy,
            ),
            float(total[row, column]),
        )
        for row, column in np.argwhere(total > 0).tolist()
    )


def _blocks(
    people: npt.NDArray[np.float64], size: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """People, and their mean row and column, by block."""
    high, wide = (-(-each // size) * size for each in people.shape)
    padded = np.zeros((high, wide))
    padded[: people.shape[0], : people.shape[1]] = people
    row, column = np.indices(padded.shape)

    def summed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return values.reshape(high // size, size, wide // size, size).sum(axis=(1, 3))

    total = summed(padded)
    by = np.where(total > 0, total, 1.0)
    return total, summed(padded * row) / by, summed(padded * column) / by


def _grid(data: bytes) -> tuple[npt.NDArray[np.float64], float, float, float, float]:
    """The cells, and west, north and the size of a cell in degrees."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    if struct.unpack(order + "H", data[2:4])[0] != 42:
        raise ValueError("not TIFF")
    tags = _tags(data, order)
    wide, high = int(tags[WIDTH][0]), int(tags[LENGTH][0])
    if tags.get(COMPRESSION, (1,))[0] != 1 or tags.get(BANDS, (1,))[0] != 1:
        raise ValueError("packed, or many bands")
    kind = np.dtype(order + KINDS[int(tags.get(FORMAT, (1,))[0])] + str(int(tags[BITS][0]) // 8))
    strips = zip(tags[OFFSETS], tags[COUNTS], strict=True)
    raw = b"".join(data[int(start) : int(start) + int(count)] for start, count in strips)
    cells = np.frombuffer(raw, dtype=kind, count=wide * high).reshape(high, wide)
    dx, dy, _ = tags[SCALE]
    column, row, _, lon, lat, _ = tags[TIE]
    west, north = lon - column * dx, lat + row * dy
    if not (-180 <= west <= 180 and -90 <= north <= 90 and 0 < dx < 1 and 0 < dy < 1):
        raise ValueError("not in degrees")
    return cells.astype(np.float64), west, north, dx, dy


def _tags(data: bytes, order: str) -> dict[int, tuple[float, ...]]:
    (start,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[start : start + 2])
    found: dict[int, tuple[float, ...]] = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, size = struct.unpack(order + "HHI", data[at : at + 8])
        if kind not in CODES:
            continue
        length = SIZES[kind] * size
        (offset,) = struct.unpack(order + "I", data[at + 8 : at + 12])
        place = at + 8 if length <= 4 else offset
        found[tag] = struct.unpack(f"{order}{size}{CODES[kind]}", data[place : place + length])
    return found
