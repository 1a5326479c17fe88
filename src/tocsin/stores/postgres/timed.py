"""Rules of retention that are a table and a span: rows older than that go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

KEYS_KEPT: Final = timedelta(days=7)
"""A client that was away for a week sends anew; one that retries over a weekend is recognised."""
CLOSURES_KEPT: Final = timedelta(days=30)
"""A change of roads that has ended stays in its table for a month; its change row stays."""
CHAINS_KEPT: Final = timedelta(days=90)
"""An alert that nobody updated for a season is not continued."""
TELEMETRY_KEPT: Final = timedelta(days=400)
"""Daily levels of batteries, and when the node listened: a year, and a month to look back."""
SEEN_KEPT: Final = timedelta(days=30)
"""Digests of messages of devices, by which a repeat is known."""
NO_TIME: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Timed:
    """Rows of `relation` for which `where` ($1 is the instant before which) go after `kept`."""

    rule: str
    relation: str
    where: str
    kept: timedelta


def timed(positions: timedelta, errands: timedelta) -> tuple[Timed, ...]:
    """Every rule of this kind, in the order of a run."""
    return (
        Timed("position", "public.unit_positions", "received_at < $1", positions),
        Timed("session", "public.account_sessions", "expires_at < $1", NO_TIME),
        Timed("session", "public.account_links", "expires_at < $1", NO_TIME),
        Timed("session", "public.account_browsers", "expires_at < $1", NO_TIME),
        Timed("session", "public.sign_in_challenges", "expires_at < $1", NO_TIME),
        Timed("repeat_key", "public.idempotency", "at < $1", KEYS_KEPT),
        Timed("errand.dead", "public.errands", "is_dead AND created_at < $1", errands),
        Timed("telemetry", "public.battery_days", "day < $1::date", TELEMETRY_KEPT),
        Timed("telemetry", "public.listening", "until < $1", TELEMETRY_KEPT),
        Timed("signal_seen", "public.alarm_seen", "at < $1", SEEN_KEPT),
        Timed("road_change", "public.road_changes", "ends_at < $1", CLOSURES_KEPT),
        Timed("alert_chain", "public.alert_chains", "kept_at < $1", CHAINS_KEPT),
    )


def by_relation(rules: tuple[Timed, ...]) -> Mapping[str, Timed]:
    """The rule of each table."""
    return {each.relation: each for each in rules}


__all__ = ["CHAINS_KEPT", "CLOSURES_KEPT", "KEYS_KEPT", "Timed", "by_relation", "timed"]
