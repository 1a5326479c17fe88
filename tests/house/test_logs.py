"""Logs: a flood stays small, and no sealed value gets out by field, exception or library."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.logs import (
    CODES,
    KEYS_OF_DOORS,
    MASK,
    MEASURES,
    NUMERIC_WORDS,
    SEALED_WORDS,
    RateLimit,
    configure,
    is_sealed,
    is_sealed_name,
)

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
    for name in ("case_id", "report_ref", "delay_s", "reason", "area", "status", "key_id"):
        assert not is_sealed_name(name), name
    assert all(is_sealed_name(word) for word in SEALED_WORDS)
    for name in ("photo_bytes", "body_timeout", "phone_count", "body_slow", "headers_too_long"):
        assert not is_sealed(name, 3) and is_sealed(name, CANARY), name


def test_how_many_were_cut_off_can_be_read(out: io.StringIO) -> None:
    """The line of the guard, whose reasons are named after what was too slow or too long."""
    reasons = {"head_timeout": 7, "body_timeout": 12, "budget_refused": 1}
    structlog.get_logger().warning("connections_cut", reasons=reasons, open_now=4)
    assert lines(out)[0]["reasons"] == reasons


words = st.sampled_from(
    sorted(SEALED_WORDS | MEASURES | CODES | {"open", "slow", "late", "id", "ref", "first", "max"})
)
names = st.lists(words, min_size=1, max_size=4)
numbers = st.integers(10**6, 10**12) | st.floats(10.0, 80.0, exclude_min=True)


def holds(name: str) -> set[str]:
    return SEALED_WORDS.intersection(name.lower().replace("-", "_").split("_"))


def faults_of(rule: Callable[[str, object], bool], name: str, number: float) -> list[str]:
    """What a rule would let out of this name, or hide of it for nothing."""
    found: list[str] = []
    parts = name.split("_")
    has_door = bool(KEYS_OF_DOORS.intersection(parts))
    is_reference = len(parts) > 1 and parts[-1] in ("id", "ref") and not has_door
    if holds(name) and not is_reference and not rule(name, CANARY):
        found.append("a text")
    is_one = parts[-1] in SEALED_WORDS | CODES and holds(name)
    is_own = NUMERIC_WORDS.intersection(parts) and parts[-1] not in MEASURES
    if (is_one or is_own) and not is_reference and not rule(name, number):
        found.append("a number that tells")
    if len(parts) > 1 and parts[-1] in MEASURES and rule(name, number):
        found.append("hides a measure")
    if not holds(name) and (rule(name, CANARY) or rule(name, number)):
        found.append("hides what is nobody's")
    return found


@given(names, numbers)
def test_secrets_stay_masked_and_counts_can_be_read(parts: list[str], number: float) -> None:
    name = "_".join(parts)
    assert faults_of(is_sealed, name, number) == []
    for spelling in (name.upper(), name.replace("_", "-")):
        assert is_sealed(spelling, number) is is_sealed(name, number)
        assert is_sealed(spelling, CANARY) is is_sealed(name, CANARY)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        # Every number may be read: a telephone, a place, a PIN.
        (lambda name, value: is_sealed_name(name) and isinstance(value, str), "reporter_phone"),
        (lambda name, value: is_sealed_name(name) and isinstance(value, str), "lat_first"),
        # A measure is one whatever its value is: a token under `token_s`.
        (lambda name, value: holds(name) and name.split("_")[-1] not in MEASURES, "token_s"),
        # The old rule: no count under a name that looks like a secret.
        (lambda name, value: is_sealed_name(name), "body_timeout"),
    ],
)  # fmt: skip
def test_a_rule_that_lets_out_or_hides_is_found(
    rule: Callable[[str, object], bool], name: str
) -> None:
    assert faults_of(rule, name, 358_401_234_567)


@pytest.mark.parametrize(
    "name",
    ["phone", "phone_number", "lat", "lon_first", "session_pin", "client_code", "token", "value",
     "password_first", "tracking_no", "ip_open", "receipt_max", "user_number"],
)  # fmt: skip
def test_a_number_that_tells_of_somebody_is_masked(out: io.StringIO, name: str) -> None:
    structlog.get_logger().warning("refused", **{name: 358401234567, "deep": {name: 60.1699}})
    assert "358401234567" not in out.getvalue() and "60.1699" not in out.getvalue()


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
