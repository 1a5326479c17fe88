"""Uvicorn's own protocol of HTTP, watched by the guard, and fed one request at a time."""

import asyncio
import re
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.web.guard import SLOW_S, Guard, Phase
from tocsin.web.guard_limits import GuardLimits
from tocsin.web.headers import RAW

LAST_WORD_S: Final = 2.0  # for a refusal to leave; then the connection is dropped
AHEAD_MAX: Final = 262_144  # bytes sent before their turn: one read of the socket
_BODY_STEP: Final = 1_024  # of a body: how much may hold the ends of more than one request
_BLANK: Final = re.compile(rb"\n\r?\n")
_STATUS: Final = {
    400: b"400 Bad Request",
    408: b"408 Request Timeout",
    429: b"429 Too Many Requests",
    431: b"431 Request Header Fields Too Large",
    503: b"503 Service Unavailable",
}


def _short_answer(status: int) -> bytes:
    retry = b"retry-after: 5\r\n" if status in (429, 503) else b""
    return (
        b"".join((b"HTTP/1.1 ", _STATUS[status], b"\r\n", retry, RAW))
        + b"content-length: 0\r\nconnection: close\r\n\r\n"
    )


class GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's own protocol, watched. Made by `guarded_protocol`; uvicorn makes the instances.

    The parser is given the bytes of one request at a time. Left to itself it makes everything of a
    request that was sent far ahead of its turn: four hundred in one packet were two megabytes.
    """

    guard: ClassVar[Guard]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.phase = Phase.HEAD
        self.client_name = ""
        self.waiting_bytes = 0
        self.body_bytes = 0
        self._ahead = b""  # sent before its turn, as it came
        self._since_s = 0.0  # when this phase began
        self._head_bytes = 0
        self._received_bytes = 0  # in this phase
        self._unanswered_bytes = 0  # of one body
        self._is_reading_head = True
        self._is_reading_body = False
        self._began_in_this_feed = False
        self._write_blocked_since_s: float | None = None
        self._is_ended = False
        self._last_word: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ what asyncio calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since_s = self.loop.time()
        status = self.guard.admit(self, self.client[0] if self.client else None)
        if status:
            self.end(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.forget(self)
        if self._last_word is not None:
            self._last_word.cancel()
        super().connection_lost(exc)
        self._let_go()

    def data_received(self, data: bytes) -> None:
        if self._is_ended:
            return
        if self._ahead or self._is_busy:
            self._keep(self._ahead + data)
            return
        self._feed(data)

    def pause_writing(self) -> None:
        self._write_blocked_since_s = self.loop.time()
        self.guard.note_unread(self, is_unread=True)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._write_blocked_since_s = None
        self.guard.note_unread(self, is_unread=False)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so with our headers; the parser's words are left out."""
        self.transport.write(_short_answer(400))
        self.transport.close()

    # ------------------------------------------------------------------ one request at a time

    @property
    def _is_busy(self) -> bool:
        """Whether a request is here whole and not answered: what comes now is another one."""
        return self._is_answering and not self._is_reading_body

    def _feed(self, data: bytes) -> None:
        """Gives the parser as much as makes one request, and keeps the rest."""
        start = 0
        while start < len(data) and not self._is_ended and not self.transport.is_closing():
            if self._is_busy:
                self._keep(data[start:])
                return
            # A blank line ends a head. In a body it may end the body, but there are many of them.
            step = _BODY_STEP if self._is_reading_body else 0
            blank = _BLANK.search(data, start + step)
            end = blank.end() if blank is not None else len(data)
            self._feed_piece(data[start:end] if end - start < len(data) else data)
            start = end

    def _feed_piece(self, data: bytes) -> None:
        if not self._is_reading_body and not self._is_reading_head:
            self._begin_head()
        self._began_in_this_feed = False
        super().data_received(data)
        # The head's first piece is not counted: it may hold the end of a body, and it is bounded
        # by what one read gives.
        if self._is_reading_head and not self._began_in_this_feed:
            self._head_bytes += len(data)
            if self._head_bytes > self.guard.limits.max_head_bytes and not self._is_ended:
                self.guard.cut(self, "head_too_large", 431)
                return
        self._settle()

    def _keep(self, data: bytes) -> None:
        """Bytes of the next request, for when the present one is answered. Nothing is read on."""
        if not self.guard.count_waiting(self, len(data)) or len(data) > AHEAD_MAX:
            self.guard.cut(self, "too_far_ahead", 429)
            return
        self._ahead = data
        self.flow.pause_reading()

    def take_turn(self) -> None:
        """Goes on with what was sent ahead."""
        data, self._ahead = self._ahead, b""
        self.guard.count_waiting(self, 0)
        if self._is_ended or self.transport.is_closing():
            self.guard.end_turn(self)
            return
        self.flow.resume_reading()
        self._feed(data)
        if not self._is_answering:
            self.guard.end_turn(self)  # half a request: it waits for the rest without a turn

    # ------------------------------------------------------------------ what the parser calls

    def on_message_begin(self) -> None:
        self._began_in_this_feed = True
        if not self._is_reading_head:
            self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        self._is_reading_body = True
        self._unanswered_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._received_bytes += len(body)
        super().on_body(body)
        if self._is_answering:  # else it is thrown away
            self._unanswered_bytes += len(body)
            self.guard.count_body(self, self._unanswered_bytes)

    def on_message_complete(self) -> None:
        self._is_reading_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.guard.count_body(self, 0)
        super().on_response_complete()
        if self._ahead:
            self.flow.pause_reading()
            self.guard.ask_turn(self)
        else:
            self.guard.end_turn(self)
        self._settle()

    # ------------------------------------------------------------------ phases

    def _begin_head(self) -> None:
        self._is_reading_head = True
        self._head_bytes = 0

    @property
    def _is_answering(self) -> bool:
        # Uvicorn sets these late and types them as always there.
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _settle(self) -> None:
        """Puts the connection in the phase it is in by now."""
        if self._is_ended or self.transport.is_closing():
            return
        if self._is_reading_body and not self.flow.read_paused:
            phase = Phase.BODY
        elif self._is_answering:
            phase = Phase.WORK
        elif self._is_reading_head or self._ahead:
            phase = Phase.HEAD
        else:
            phase = Phase.IDLE
        if phase is not self.phase:
            self._since_s = self.loop.time()
            self._received_bytes = 0
            self.guard.move(self, phase)

    def overdue(self, now_s: float) -> tuple[str, int] | None:
        """Why and with which status this connection must end now (0: without a word)."""
        if self.transport.is_closing():
            return None
        self._settle()
        limits = self.guard.limits
        waited_s = now_s - self._since_s
        if self.phase is Phase.HEAD and waited_s > limits.header_timeout_s:
            return "head_timeout", 408
        if self.phase is Phase.BODY:
            allowed_s = limits.body_timeout_s + self._received_bytes / limits.body_min_rate
            return ("body_timeout", 408) if waited_s > allowed_s else None
        if self.phase is Phase.IDLE and waited_s > limits.keep_alive_s:
            return "idle", 0
        blocked = self._write_blocked_since_s
        if blocked is not None and now_s - blocked > limits.send_timeout_s:
            return "send_timeout", 0
        return None

    def rate(self, now_s: float) -> float:
        """Bytes a second since the body began."""
        return self._received_bytes / max(now_s - self._since_s, 0.1)

    def spared(self, now_s: float) -> tuple[int, float] | None:
        """The slow first, then whoever is idle or incomplete for the longest, then bodies that come
        fast; None for one that is being answered and reads."""
        since_s, is_fast = self._since_s, False
        if self.phase is Phase.WORK:
            if self._write_blocked_since_s is None:
                return None
            since_s = self._write_blocked_since_s
        elif self.phase is Phase.BODY:
            is_fast = self.rate(now_s) >= self.guard.limits.body_min_rate
        if is_fast:
            return 2, since_s
        is_slow = self.phase is not Phase.IDLE and now_s - since_s > SLOW_S
        return (0 if is_slow else 1), since_s

    def end(self, status: int) -> None:
        """Closes the connection, with a short answer where none has begun."""
        self._is_ended = True
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # nobody reads at the other end: waiting would keep it open
            self._let_go()
            return
        cycle: Any = self.cycle
        if status and not (self._is_answering and cycle.response_started):
            self.transport.write(_short_answer(status))
            self._last_word = self.loop.call_later(LAST_WORD_S, self.transport.abort)
        self._let_go()
        self.transport.close()

    def _let_go(self) -> None:
        """Nothing that is still at work writes to a closed connection, what waited is not begun,
        and no circle is left for the collector: it comes seldom."""
        cycle: Any = self.cycle
        waiting = [each for each, _ in self.pipeline]
        self.pipeline.clear()
        self._ahead = b""
        for each in (cycle, *waiting):
            if each is not None:
                each.disconnected = True
                each.message_event.set()
        self.flow.resume_writing()


def guarded_protocol(limits: GuardLimits) -> type[GuardedProtocol]:
    """A protocol class for `uvicorn.Config(http=...)`, with a Guard of its own as `.guard`.

    Give uvicorn also `backlog=ACCEPT_BACKLOG`, `ws="none"` (an upgraded connection would leave
    the guard) and `timeout_keep_alive` of the same `keep_alive_s`.
    """
    return type("LimitedProtocol", (GuardedProtocol,), {"guard": Guard(limits)})


__all__ = ["GuardedProtocol", "guarded_protocol"]
