"""The town's map for browsers: `/map/meta.json`, and `/map/tiles.pmtiles` piece by piece.

A PMTiles file is read by ranges (RFC 9110, section 14): a reader asks for the directory, then for
one tile at a time. Open to everybody, like the map it was made from.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from tocsin.geography.map_folder import MapFolder, Meta
from tocsin.runtime.services import Services
from tocsin.web.options import WebOptions
from tocsin.web.problems import Problem, answer
from tocsin.web.shell import language_of, seen_of

CHUNK: Final = 262_144
"""Bytes read at once for an answer that is longer: about the largest tile there is."""
_Give = Callable[[Request, Path, Meta], Response]
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


def routes(services: Services, options: WebOptions) -> list[BaseRoute]:
    """The two files of the map."""
    return [
        Route("/map/meta.json", _Door(services, options, _meta)),
        Route("/map/tiles.pmtiles", _Door(services, options, _tiles)),
    ]


class _Door:
    """GET and HEAD of one file; every "no" is a problem document."""

    def __init__(self, services: Services, options: WebOptions, give: _Give) -> None:
        self.services = services
        self.options = options
        self.give = give

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            if request.method not in ("GET", "HEAD"):
                raise Problem("method_not_allowed", headers={"allow": "GET, HEAD"})
            response = self.give(request, *_map_of(self.services.map))
        except Problem as problem:
            language = language_of(scope, self.options)
            response = answer(problem, language, seen_of(scope).request_id)
        await response(scope, receive, send)


def _map_of(folder: MapFolder | None) -> tuple[Path, Meta]:
    meta = folder.meta() if folder is not None else None
    if folder is None or meta is None:
        is_building = folder is not None and folder.is_building
        raise Problem("map_building" if is_building else "map_missing")
    return folder.folder, meta


def _meta(request: Request, folder: Path, meta: Meta) -> Response:
    headers = _headers(meta, "m-")
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(None, 304, headers)
    shown = {
        "built": True,
        "bounds": meta.bounds,
        "center": meta.center,
        "minzoom": meta.minzoom,
        "maxzoom": meta.maxzoom,
        "languages": meta.languages,
        "attribution": meta.attribution,
        "bytes": meta.bytes,
    }
    return Response(msgspec.json.encode(shown), 200, headers, "application/json")


def _tiles(request: Request, folder: Path, meta: Meta) -> Response:
    try:
        file = os.open(folder / meta.tiles, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        # A newer map has just taken its place; the next call sees that one.
        raise Problem("map_building") from None
    headers = {**_headers(meta), "accept-ranges": "bytes"}
    try:
        size = os.fstat(file).st_size
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(None, 304, headers)
        wanted = _range(request, headers["etag"], size)
        first, last = wanted or (0, size - 1)
        length = last - first + 1
        headers["content-length"] = str(length)
        if wanted is not None:
            headers["content-range"] = f"bytes {first}-{last}/{size}"
        status = 200 if wanted is None else 206
        kind = "application/vnd.pmtiles"
        if request.method == "HEAD":
            return Response(None, status, headers, kind)
        if length <= CHUNK:
            return Response(os.pread(file, length, first), status, headers, kind)
        kept, file = file, -1  # read and closed while it is sent
        return StreamingResponse(_stream(kept, first, length), status, headers, kind)
    finally:
        if file >= 0:
            os.close(file)


async def _stream(file: int, first: int, length: int) -> AsyncIterator[bytes]:
    try:
        at, end = first, first + length
        while at < end:
            piece = await asyncio.to_thread(os.pread, file, min(CHUNK, end - at), at)
            if not piece:
                return
            at += len(piece)
            yield piece
    finally:
        os.close(file)


def _range(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """The first and last byte that are asked for; None for all. Raises `bad_range`.

    What is no single range of bytes is passed over, as RFC 9110 lets a server do; so is one for
    an older file (If-Range).
    """
    asked = _RANGE.match(request.headers.get("range", ""))
    if asked is None or asked[1] == asked[2] == "":
        return None
    if request.headers.get("if-range", etag) != etag:
        return None
    if asked[1] == "":
        first, last = max(0, size - int(asked[2])), size - 1
    else:
        first = int(asked[1])
        last = min(int(asked[2]), size - 1) if asked[2] else size - 1
    is_backwards = asked[1] != "" and asked[2] != "" and int(asked[1]) > int(asked[2])
    if is_backwards:
        return None  # no range at all, says the RFC
    if first > last:
        raise Problem("bad_range", headers={"content-range": f"bytes */{size}"})
    return first, last


def _headers(meta: Meta, prefix: str = "") -> dict[str, str]:
    """A browser asks each time whether its copy is still right: the map changes as a whole."""
    return {"etag": f'"{prefix}{meta.etag}"', "cache-control": "no-cache"}
