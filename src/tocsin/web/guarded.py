"""Uvicorn's own protocol of HTTP, watched by the guard, and fed one request at a time."""

import asyncio
import re
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.runtime.uploads import HELD
from tocsin.web.guard import SLOW_S, Guard, Phase
from tocsin.web.guard_limits import GuardLimits
from tocsin.web.headers import RAW

LAST_WORD_S: Final = 2.0  # for a refusal to leave; then the connection is dropped
AHEAD_MAX: Final = 262_144  # bytes sent before their turn: one read of the socket
_CHUNKED_STEP: Final = 64  # of a body of unknown length: its blank lines are not all looked at
_BLANK: Final = re.compile(rb"\n\r?\n")
_LINE_END: Final = re.compile(rb"\r?\n")
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
        self._is_hasty = False  # what is read now was sent ahead already
        self._since_s = 0.0  # since when it keeps us waiting in this phase
        self._head_bytes = 0
        self._came_bytes = 0  # of a body, in this piece
        self._unanswered_bytes = 0  # of one body
        self._is_told = False  # how much of this body is held
        self._body_left = 0  # of a body whose length was told
        self._is_reading_head = True
        self._is_reading_body = False
        self._began_in_this_feed = False
        self._unsent_bytes = 0  # of answers, when last looked at
        self._unsent_since_s = 0.0
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
        self._is_hasty = False
        self._feed(data)

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
            end = self._piece_end(data, start)
            self._feed_piece(data[start:end] if end - start < len(data) else data)
            start = end

    def _piece_end(self, data: bytes, start: int) -> int:
        """Where the request that is being read may end. Where it does not, the parser waits."""
        if self._is_reading_body:
            if self._body_left > 0:
                return min(start + self._body_left, len(data))
            start += _CHUNKED_STEP
        elif start == 0 and (begun := _LINE_END.match(data)):
            return begun.end()  # of a blank line that began in what came before
        blank = _BLANK.search(data, start)
        return blank.end() if blank is not None else len(data)

    def _feed_piece(self, data: bytes) -> None:
        if not self._is_reading_body and not self._is_reading_head:
            self._begin_head()
        self._began_in_this_feed = False
        super().data_received(data)
        if self._came_bytes:
            self._count_body()
        # The head's first piece is not counted: it may hold the end of a body, and it is bounded
        # by what one read gives.
        if self._is_reading_head and not self._began_in_this_feed:
            self._head_bytes += len(data)
            if self._head_bytes > self.guard.limits.max_head_bytes and not self._is_ended:
                self.guard.cut(self, "head_too_large", 431)
                return
        self._settle()

    def _count_body(self) -> None:
        came, self._came_bytes = self._came_bytes, 0
        self._body_left -= came
        made_up_s = came / self.guard.limits.body_min_rate
        self._since_s = min(self.loop.time(), self._since_s + made_up_s)
        if self._is_answering and not self._is_told:  # else it is thrown away, or lies on disk
            self._unanswered_bytes += came
            self.guard.count_body(self, self._unanswered_bytes)

    def _hold(self, size: int) -> None:
        """The reader of the body keeps so much of it in memory, and the rest on disk."""
        if self._is_answering and not self._is_ended and not self.transport.is_closing():
            self._is_told = True
            self.guard.count_body(self, size)

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
        self._is_told = False
        self.scope["extensions"] = {HELD: self._hold}  # type: ignore[typeddict-unknown-key]
        lengths = [each for name, each in self.headers if name == b"content-length"]
        self._body_left = int(lengths[0]) if lengths and lengths[0].isdigit() else 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._came_bytes += len(body)  # counted after the piece: chunks may be of one byte
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_reading_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.guard.count_body(self, 0)
        self.scope.pop("extensions", None)  # type: ignore[typeddict-item]
        super().on_response_complete()
        if self._ahead:
            self.flow.pause_reading()
            if self._is_hasty:
                self.guard.ask_turn(self)
            else:  # once is no haste: an answer may be read before we know that it is whole
                self._is_hasty = True
                self.loop.call_soon(self.take_turn)
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
        elif self._is_answering or self._unsent_bytes:
            phase = Phase.WORK
        elif self._is_reading_head or self._ahead:
            phase = Phase.HEAD
        else:
            phase = Phase.IDLE
        if phase is not self.phase:
            self._since_s = self.loop.time()
            self.guard.move(self, phase)

    def _look_at_unsent(self, now_s: float) -> None:
        """What is taken makes up for the wait, as bytes of a body do."""
        unsent = self.transport.get_write_buffer_size()
        if not self._unsent_bytes:
            self._unsent_since_s = now_s
        made_up_s = max(0, self._unsent_bytes - unsent) / self.guard.limits.body_min_rate
        self._unsent_since_s = min(now_s, self._unsent_since_s + made_up_s)
        if unsent or self._unsent_bytes:
            self.guard.note_unread(self, is_unread=unsent > 0)
        self._unsent_bytes = unsent

    def overdue(self, now_s: float) -> tuple[str, int] | None:
        """Why and with which status this connection must end now (0: without a word)."""
        self._look_at_unsent(now_s)
        limits = self.guard.limits
        # One that is closing, too: it waits for a reader.
        if self._unsent_bytes and now_s - self._unsent_since_s > limits.send_timeout_s:
            return "send_timeout", 0
        if self.transport.is_closing():
            return None
        self._settle()
        waited_s = self.waited_s(now_s)
        if self.phase is Phase.HEAD and waited_s > limits.header_timeout_s:
            return "head_timeout", 408
        if self.phase is Phase.BODY and waited_s > limits.body_timeout_s:
            return "body_timeout", 408
        if self.phase is Phase.IDLE and waited_s > limits.keep_alive_s:
            return "idle", 0
        return None

    def waited_s(self, now_s: float) -> float:
        """How long it has kept us waiting: for a request, or for its reading of an answer."""
        if self.phase is not Phase.WORK:
            return now_s - self._since_s
        return now_s - self._unsent_since_s if self._unsent_bytes else 0.0

    def spared(self, now_s: float) -> tuple[int, float] | None:
        """The slow first, then whoever is idle or incomplete for the longest, then bodies that
        keep coming; None for one that is being answered and reads."""
        if self.phase is Phase.WORK:
            self._look_at_unsent(now_s)
            if not self._unsent_bytes:
                return None
        waited_s = self.waited_s(now_s)
        if waited_s > SLOW_S and self.phase is not Phase.IDLE:
            return 0, -waited_s
        return (2 if self.phase is Phase.BODY else 1), -waited_s

    def end(self, status: int) -> None:
        """Closes the connection, with a short answer where none has begun."""
        self._is_ended = True
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # nobody reads at the other end: waiting would keep it open
            self._let_go()
            return
        if self.transport.is_closing():
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
        if self.scope:
            self.scope.pop("extensions", None)  # type: ignore[typeddict-item]
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
