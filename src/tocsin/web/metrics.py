"""What the node counts about itself, in OpenMetrics. No label ever holds anything personal."""

from __future__ import annotations

from typing import Any, Final, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics import exposition

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""From a durable report on a quiet disk to a client that has given up."""


class Metrics:
    """The node's own registry: two nodes in one test process do not share numbers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "tocsin_http_requests",
            "Answered requests by route template.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tocsin_http_request_seconds",
            "Time to the last byte of the answer, by route template.",
            ("route",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.refusals = Counter(
            "tocsin_refusals",
            "Expected refusals by enumerated reason.",
            ("reason",),
            registry=self.registry,
        )
        self.commits = Counter(
            "tocsin_commands",
            "Commands through the API that are on disk, by command.",
            ("command",),
            registry=self.registry,
        )
        self._hang_ups = Counter(
            "tocsin_intake_hang_ups",
            "Connections that a way in ended itself, by why.",
            ("intake", "reason"),
            registry=self.registry,
        )
        self._hung_up: dict[tuple[str, str], int] = {}
        self._gauges = {
            name: Gauge(f"tocsin_{name}", text, registry=self.registry)
            for name, text in (
                ("late_seconds", "How late the most overdue clock is in speaking."),
                ("errands_dead", "Errands given up since the start."),
                (
                    "errands_owed_seconds",
                    "How long the oldest errand is owed that failed or waits.",
                ),
                ("clock_stepped", "1 while the machine's clock is not the time the node goes by."),
                ("synthetic_arrived", "Synthetic reports that travelled the whole path."),
                ("synthetic_age_seconds", "Since when none arrived."),
                ("synthetic_way_seconds", "How long the last one was on its way."),
                ("live_listeners", "Open live streams."),
                ("live_drops", "Live streams dropped because they could not keep up."),
                ("live_sent", "Events handed to live streams."),
                ("ready", "1 while the node is ready to work."),
                ("log_entries", "Entries of the Merkle log."),
                ("log_unsigned", "Entries that no checkpoint covers yet."),
                ("log_behind_seconds", "Since when the log was not seen to hold everything."),
                ("log_rewritten", "1 where the database is not what this node signed."),
            )
        }
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._times: dict[str, Histogram] = {}

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is a template, never a path."""
        counter = self._counters.get((route, method, status))
        if counter is None:
            counter = self._requests.labels(route, method, str(status))
            self._counters[route, method, status] = counter
        counter.inc()
        times = self._times.get(route)
        if times is None:
            times = self._times[route] = self._seconds.labels(route)
        times.observe(seconds)

    def set(self, name: str, value: float) -> None:
        """Set one of the gauges, before they are read."""
        self._gauges[name].set(value)

    def hung_up(self, intake: str, reason: str, count: int) -> None:
        """So many of them since the start, of which the last time's are counted already."""
        known = self._hung_up.get((intake, reason), 0)
        self._hang_ups.labels(intake, reason).inc(count - known)
        self._hung_up[intake, reason] = count

    def text(self) -> tuple[bytes, str]:
        """(body, content type) of /metrics."""
        text = cast(Any, exposition).generate_latest(self.registry)
        return cast(bytes, text), exposition.CONTENT_TYPE_LATEST
