"""Logs: a flood stays small, and no sealed value gets out by field, exception or library."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from tocsin.app.logs import MASK, SEALED_WORDS, RateLimit, configure, is_sealed_name

CANARY = "canary-91c4"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure(stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_the_instant_in_utc(out: io.StringIO) -> None:
    structlog.get_logger().info("case_filed", case_id="c-1", delay_s=2.5)
    (line,) = lines(out)
    assert line["event"] == "case_filed"
    assert line["case_id"] == "c-1"
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "name",
    ["description", "contact", "email", "phone", "name", "address", "token", "password", "cookie",
     "authorization", "body", "Authorization", "reporter_name", "set-cookie", "client_ip", "url",
     "contact_email", "database_dsn", "api_key", "session", "lat", "notes"],
)  # fmt: skip
def test_fields_that_may_be_personal_are_masked(out: io.StringIO, name: str) -> None:
    structlog.get_logger().warning("refused", **{name: CANARY, "deep": {name: CANARY}})
    structlog.get_logger().warning("refused", inside=[{"more": ({name: CANARY},)}])
    assert CANARY not in out.getvalue()
    assert lines(out)[0][name] == MASK


def test_references_counts_and_measures_are_not_masked() -> None:
    for name in ("case_id", "report_ref", "photo_bytes", "delay_s", "reason", "area", "status"):
        assert not is_sealed_name(name), name
    assert all(is_sealed_name(word) for word in SEALED_WORDS)


def test_an_exception_is_its_type_and_places_without_its_words(out: io.StringIO) -> None:
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise RuntimeError(f"while reading {CANARY}") from error
    except RuntimeError:
        structlog.get_logger().exception("request_failed")
    (line,) = lines(out)
    assert line["error"] == "builtins.RuntimeError < builtins.ValueError"
    assert "test_logs.py" in str(line["trace"])
    assert CANARY not in out.getvalue()


def test_libraries_log_their_template_and_never_an_address(out: io.StringIO) -> None:
    for name in ("uvicorn.error", "uvicorn.access", "asyncio", "some.library"):
        log = logging.getLogger(name)
        log.error('%s - "%s" failed', "203.0.113.7:4711", f"GET /cases?phone={CANARY}")
        try:
            raise ValueError(CANARY)
        except ValueError:
            log.exception("Exception in ASGI application\n%s", CANARY)
    assert CANARY not in out.getvalue()
    assert "203.0.113.7" not in out.getvalue()
    sources = {line["source"] for line in lines(out)}
    assert sources == {"uvicorn.error", "asyncio", "some.library"}


def test_a_flood_writes_few_lines_and_says_how_many_were_dropped() -> None:
    now_s = 0.0
    limit = RateLimit(lines=20, window_s=10.0, clock=lambda: now_s)
    written: list[dict[str, object]] = []

    def log(event: str) -> None:
        try:
            written.append(dict(limit(None, "info", {"event": event})))
        except structlog.DropEvent:
            pass

    for _ in range(100_000):
        log("connection_cut")
    log("case_filed")
    assert [line["event"] for line in written] == ["connection_cut"] * 20 + ["case_filed"]
    now_s = 10.0
    log("connection_cut")
    assert written[-1]["dropped"] == 99_980
    assert sum(int(str(line.get("dropped", 0))) for line in written) + 21 == 100_001


def test_made_up_event_names_cannot_grow_the_memory() -> None:
    limit = RateLimit(lines=1)
    written = 0
    for number in range(5_000):
        try:
            limit(None, "info", {"event": f"event {number}"})
            written += 1
        except structlog.DropEvent:
            pass
    assert written <= 501
