"""The Merkle log: its newest checkpoint for everybody, proofs for those who may."""

from __future__ import annotations

import base64
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from tocsin.runtime.log_ports import MerkleLog
from tocsin.web.api.common import ALWAYS, STAFF_ONE, AccessArg, json, problems, router, shown
from tocsin.web.gate import Access
from tocsin.web.problems import Problem
from tocsin.web.shapes import like
from tocsin.web.views import View

routes: APIRouter = router("log")

SIZE_MAX: Final = 2**53
"""A number that every JSON reader takes for exact."""
Number = Annotated[int, Query(ge=0, le=SIZE_MAX)]

_CHECKPOINT: Final = (
    "tocsin/log/00c0ffee00c0ffee\n8\nXcnaecpwZZqdVZy3Ad7aKrnagjqtL0lgz+Nw7/RgQyg=\n\n"
    "\u2014 tocsin/log/00c0ffee00c0ffee AAAA\n"
)


class ProofView(View):
    """Hashes in base64, in the order of RFC 6962: an inclusion proof of entry `index`, or a
    consistency proof from `from` entries, in the log of `size` entries."""

    model_config = like(
        {"size": 2, "index": 0, "hashes": ["lqKW0iTyhZ9nXGjwcwlDW/3PqnbVp7ZZWhP9kLEkzs8="]}
    )

    size: int
    hashes: tuple[str, ...]
    index: int | None = None


@routes.get(
    "/log/checkpoint",
    operation_id="log.checkpoint",
    summary="The newest signed checkpoint (C2SP tlog-checkpoint).",
    response_class=Response,
    responses={
        200: {
            "description": "A signed note.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": _CHECKPOINT}},
        },
        **problems(*ALWAYS, 404),
    },
)
async def checkpoint(access: AccessArg) -> Response:
    note = _log(access).checkpoint()
    if note is None:
        raise Problem("log_proof_unknown")
    return Response(note, media_type="text/plain; charset=utf-8")


@routes.get(
    "/log/proof",
    operation_id="log.proof",
    summary="That an entry is in the log, or that one log is the beginning of another.",
    **shown(ProofView, *STAFF_ONE),
)
async def proof(
    access: AccessArg,
    index: Annotated[Number | None, Query(description="The entry, from 0.")] = None,
    seq: Annotated[Number | None, Query(description="Or the number of its journal entry.")] = None,
    old: Annotated[Number | None, Query(description="Or the size of an older log.")] = None,
    size: Annotated[
        Number | None, Query(description="The log's size; the newest checkpoint's if unset.")
    ] = None,
) -> Response:
    log = _log(access)
    size = log.signed_size if size is None else size
    if size > log.signed_size:
        raise Problem("log_proof_unknown")
    if index is None and seq is not None:
        index = await log.index_of(seq)
    try:
        if index is not None:
            return json({"size": size, "index": index, "hashes": _b64(log.inclusion(index, size))})
        if old is None:
            raise Problem("log_proof_unknown")
        return json({"size": size, "hashes": _b64(log.consistency(old, size))})
    except IndexError:
        raise Problem("log_proof_unknown") from None


@routes.get(
    "/log/tiles/{level}/{number}",
    operation_id="log.tile",
    summary="A tile of hashes (C2SP tlog-tiles), perhaps partial.",
    response_class=Response,
    responses={
        200: {
            "description": "Up to 256 hashes of 32 bytes.",
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "format": "binary"},
                    "example": "(32 bytes for each hash)",
                }
            },
        },
        **problems(*STAFF_ONE),
    },
)
async def tile(
    access: AccessArg,
    level: Annotated[int, Path(ge=0, le=5)],
    number: Annotated[int, Path(ge=0, le=SIZE_MAX)],
) -> Response:
    found = _log(access).tile(level, number)
    if not found:
        raise Problem("log_proof_unknown")
    return Response(found, media_type="application/octet-stream")


def _log(access: Access) -> MerkleLog:
    log = access.services.log
    if log is None:
        raise Problem("log_proof_unknown")
    return log


def _b64(hashes: object) -> list[str]:
    assert isinstance(hashes, list | tuple), "a proof is a list"
    return [base64.b64encode(each).decode() for each in hashes]  # pyright: ignore
