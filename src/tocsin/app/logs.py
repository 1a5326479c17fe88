"""Structured logs that a flood cannot fill and a person cannot be found in.

Every line is an event name and fields: JSON on stderr, or text for eyes. Two promises beside
structlog's own: a field whose name may carry personal data or a secret is masked (a count beside
such a word is not), and of one
event at most a set number of lines is written in a window, with one line that says how many were
dropped.

Free text of people does not belong in an event's name either: names are constants in the code.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TextIO, cast

import structlog
from structlog.types import EventDict, Processor

MASK: Final = "[sealed]"
# Field names, or parts of one between underscores, whose values are never written.
SEALED_WORDS: Final = frozenset(
    "address answer authorization body citizen client comment contact content cookie credential "
    "description dsn email exif feedback filename forwarded headers host ip key latitude lat "
    "longitude lon location mail message mobile name note notes params passwd password payload "
    "peer phone photo plate query receipt remote reporter secret session signature sql statement "
    "subject tel telephone text token tracking url user useragent username value values "
    "vehicle".split()
)
# Names that hold one of those words and are ours: constants and ids of things.
ALLOWED_NAMES: Final = frozenset({"event_name", "host_name", "logger_name", "thread_name"})
# Last words that make a name one of a reference, of whatever kind its value is...
REFERENCES: Final = frozenset({"id", "ref"})
# ... unless it refers to what lets somebody in.
KEYS_OF_DOORS: Final = frozenset(
    "authorization cookie credential passwd password secret session signature token".split()
)
# Last words that make a name one of a measure: its value is shown where it is a number.
MEASURES: Final = frozenset(
    "bytes count cuts failed failures left limit ms n pixels refused s timeout timeouts "
    "total".split()
)
# Words whose value may itself be a number: a place, a telephone, a code. Of the other words of
# SEALED_WORDS only a text can tell anything, so that a number beside them is one of ours.
NUMERIC_WORDS: Final = frozenset(
    "address answer authorization contact credential ip key latitude lat longitude lon location "
    "mobile name passwd password phone plate receipt reporter secret signature subject tel "
    "telephone token tracking user username value values vehicle citizen".split()
)
# Last words under which a number is what it is about.
CODES: Final = frozenset("code digits no number otp pin".split())
WINDOW_S: Final = 10.0
LINES_PER_WINDOW: Final = 20
# Distinct event names are constants in the code, so few; a bug that makes them up stays bounded.
MAX_EVENTS: Final = 500
MAX_FIELD_CHARS: Final = 2000
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def is_sealed_name(name: str) -> bool:
    """Whether a text under this name may be personal or a secret.

    `report_ref` and `case_id` are references, and are not; `session_id` lets somebody in, and is.
    """
    words = _words(name)
    if not SEALED_WORDS.intersection(words) or "_".join(words) in ALLOWED_NAMES:
        return False
    is_reference = len(words) > 1 and words[-1] in REFERENCES
    return not is_reference or bool(KEYS_OF_DOORS.intersection(words))


def is_sealed(name: str, value: object) -> bool:
    """Whether this value is masked under this name. Everything under a sealed name is but a number
    that can only be ours: a measure (`photo_bytes`), or a count beside a word that no number
    tells anything about (`body_timeout`). A telephone, a place or a PIN is a number, too, and
    stays masked."""
    if not is_sealed_name(name):
        return False
    words = _words(name)
    if not isinstance(value, int | float) or len(words) == 1 or words[-1] in SEALED_WORDS | CODES:
        return True
    return words[-1] not in MEASURES and bool(NUMERIC_WORDS.intersection(words))


def _words(name: str) -> list[str]:
    return name.lower().replace("-", "_").split("_")


def seal_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: masks sealed fields, also inside mappings and lists."""
    for name in event:
        if name != "event":
            event[name] = MASK if is_sealed(name, event[name]) else _sealed(event[name])
    return event


def _sealed(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= MAX_FIELD_CHARS else value[:MAX_FIELD_CHARS] + "..."
    if isinstance(value, MutableMapping):
        mapping = cast(MutableMapping[object, object], value)
        return {
            str(name): MASK if is_sealed(str(name), inner) else _sealed(inner)
            for name, inner in mapping.items()
        }
    if isinstance(value, list | tuple):
        return [_sealed(inner) for inner in cast(list[object], value)]
    return value


@dataclass(slots=True)
class _Window:
    began_s: float
    lines: int = 0
    dropped: int = 0


class RateLimit:
    """A structlog processor: at most `lines` of one event in `window_s`; the rest are counted.

    The count is written with the first line of the event after its window, as `dropped`. Safe
    from any thread. `clock` gives seconds that only grow.
    """

    def __init__(
        self,
        lines: int = LINES_PER_WINDOW,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = lines
        self._window_s = window_s
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        name = str(event.get("event", ""))
        with self._lock:
            name = name if name in self._windows or len(self._windows) < MAX_EVENTS else "other"
            now_s = self._clock()
            window = self._windows.setdefault(name, _Window(now_s))
            if now_s - window.began_s >= self._window_s:
                if window.dropped:
                    event["dropped"] = window.dropped
                window.began_s, window.lines, window.dropped = now_s, 0, 0
            window.lines += 1
            if window.lines > self._lines:
                window.dropped += 1
                raise structlog.DropEvent
            if window.lines == self._lines:
                event["more_of_this"] = f"counted for {self._window_s:g} s, not written"
        return event


def redact_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: an exception is written as its type and places, never its words.

    The words of an exception quote what was wrong, and what was wrong may be a person's: a
    database names the duplicate key, a parser the bad input.
    """
    info: object = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = cast(tuple[object, ...], info)[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = " < ".join(_chain(error))
        event["trace"] = _places(error)
    event.pop("stack_info", None)
    return event


def _chain(error: BaseException) -> list[str]:
    names: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(names) < 5:
        names.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        seen = seen.__cause__ or seen.__context__
    return names


def _places(error: BaseException) -> list[str]:
    places: list[str] = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        file = code.co_filename.rpartition("site-packages/")[2].rpartition("src/")[2]
        places.append(f"{file}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-12:]


class _Sturdy:
    """A stream that never fails: on a full disk the lines are lost, the node is not."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):  # the second when somebody closed it
            self.lost += 1
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1


class _Bridge(logging.Handler):
    """Takes the standard library's records: the template only, never what was filled in.

    Uvicorn fills in client addresses and paths with query strings; asyncio fills in whatever a
    callback held.
    """

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger()
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        name = template.split("\n", 1)[0][:120]
        log = {"source": record.name}
        if record.exc_info:
            logger.log(record.levelno, name, exc_info=record.exc_info, **log)
        else:
            logger.log(record.levelno, name, **log)


def configure(
    *,
    level: Literal["debug", "info", "warning", "error"] = "info",
    style: Literal["json", "console"] = "json",
    lines_per_event: int = LINES_PER_WINDOW,
    stream: TextIO | None = None,
) -> None:
    """Sets up structlog and routes the standard library's loggers through it.

    Call once, at the start of the process; `stream` is stderr unless a test says otherwise. Give
    uvicorn `log_config=None` and `access_log=False`, so that it leaves this alone.
    """
    out = stream or sys.stderr
    render: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            RateLimit(lines_per_event),
            redact_exception,
            seal_fields,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Sturdy(out))),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
        logger.setLevel(logging.WARNING)
    logging.captureWarnings(True)
