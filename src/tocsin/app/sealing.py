"""The Merkle log of a node: made at the start, kept running, stamped by an outside clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography import x509
from rfc3161_client import (
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

from tocsin.app.outgoing import caller_of
from tocsin.app.settings import Settings
from tocsin.kernel.shared import Instant
from tocsin.runtime.outgoing import Outgoing
from tocsin.runtime.ports import Clock, Unavailable
from tocsin.stores.log.notes import KEY_FILE, LogKeys, load_log_keys
from tocsin.stores.postgres.connections import Dsn, Readers
from tocsin.stores.postgres.sequencer import Sequencer
from tocsin.stores.postgres.store import PostgresStore

log = structlog.get_logger("tocsin.log")

FOLDER: Final = "log"
STAMP_EVERY: Final = timedelta(days=1)
"""How often an outside clock is asked; between two stamps the node's own word is all there is."""
STAMP_RETRY_S: Final = 600.0
"""Between two tries where the authority does not answer."""
STAMP_TIMEOUT_S: Final = 20.0
"""How long an authority may take: nobody waits for it."""
ANSWER_MAX_BYTES: Final = 100_000
"""A time stamp with its certificates has a few thousand."""


class StampRefused(RuntimeError):
    """The authority's answer is no stamp of what was sent."""


def log_keys(settings: Settings, *, may_create: bool = True) -> LogKeys:
    """The key of the log, made at the first start. Raises WrongLogKey."""
    return load_log_keys(settings.data / KEY_FILE, may_create=may_create)


def open_log(settings: Settings, dsn: Dsn, readers: Readers, clock: Clock) -> Sequencer | None:
    """The log of this node; None where the operator wants none."""
    if not settings.seal_log:
        return None
    return Sequencer(dsn, readers, settings.data / FOLDER, log_keys(settings), clock)


async def keep_log(sequencer: Sequencer | None, store: PostgresStore, settings: Settings) -> None:
    """For ever: entries, checkpoints, and a stamp a day. A log that stops is told by the health;
    it never stops the node."""
    if sequencer is None:
        await asyncio.Event().wait()
        return
    stamping = asyncio.create_task(keep_stamps(store.readers, settings), name="stamps")
    try:
        await sequencer.run(
            lambda detail: log.warning("log_waits", detail=detail),
            lambda: store.figures["queued"] > 0,
        )
    finally:
        stamping.cancel()


async def keep_stamps(readers: Readers, settings: Settings) -> None:
    """For ever: the newest checkpoint is stamped once a day, where an authority is set."""
    caller = caller_of(settings)
    while settings.log_stamp_url:
        try:
            url, roots = settings.log_stamp_url, settings.log_stamp_roots
            await stamp(readers, caller, url, roots)
        except (StampRefused, Unavailable, OSError) as trouble:
            log.warning("stamp_waits", detail=str(trouble))
        await asyncio.sleep(STAMP_RETRY_S)


async def stamp(readers: Readers, caller: Outgoing, url: str, roots: Path | None) -> int | None:
    """Stamps the newest checkpoint, unless one was stamped within a day; returns its size.

    Raises StampRefused, Unavailable, OSError, TimeoutError.
    """
    row = await readers.fetchrow(
        "SELECT size, note, now() AS at FROM log.checkpoints ORDER BY size DESC LIMIT 1"
    )
    if row is None:
        return None
    now: Instant = row["at"]
    last: Instant | None = await readers.fetchval("SELECT max(at) FROM log.stamps")
    if last is not None and now - last < STAMP_EVERY:
        return None
    token = await ask_authority(caller, url, row["note"].encode(), roots)
    await readers.fetch(
        "INSERT INTO log.stamps (size, at, token) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        row["size"],
        now,
        token,
    )
    return row["size"]


async def ask_authority(caller: Outgoing, url: str, message: bytes, roots: Path | None) -> bytes:
    """The answer of a time-stamping authority (RFC 3161) on a message, checked: granted, of this
    message and this question, and with `roots` (certificates in PEM) also by whom. Raises
    StampRefused, OSError, TimeoutError."""
    asked = TimestampRequestBuilder(data=message).build()
    answer = await caller.ask(
        "POST",
        url,
        headers={"content-type": "application/timestamp-query"},
        content=asked.as_bytes(),
        limit=ANSWER_MAX_BYTES,
        timeout_s=STAMP_TIMEOUT_S,
    )
    if answer.status != 200:
        raise StampRefused(f"the time-stamping authority answers {answer.status}")
    try:
        told = decode_timestamp_response(answer.body)
        is_granted = PKIStatus(told.status) == PKIStatus.GRANTED
        imprint: Any = told.tst_info.message_imprint.message if is_granted else b""
        is_ours = is_granted and told.tst_info.nonce == asked.nonce
    except ValueError as error:
        raise StampRefused("the authority's answer is no time stamp") from error
    if not is_ours or imprint != asked.message_imprint.message:
        raise StampRefused("the authority did not stamp what was sent")
    if roots is not None:
        verifier = VerifierBuilder.from_request(asked)
        for each in x509.load_pem_x509_certificates(roots.read_bytes()):
            verifier = verifier.add_root_certificate(each)
        try:
            verifier.build().verify_message(told, message)
        except VerificationError as error:
            raise StampRefused(f"the stamp is not of a known authority: {error}") from error
    return answer.body
