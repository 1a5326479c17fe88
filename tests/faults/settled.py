"""What every kind of fault ends with: everything is settled, and looked through."""

from __future__ import annotations

from tests.end_to_end.campaign import Campaign
from tests.faults.escalations import Watch
from tests.faults.outcome import Outcome


async def settle(campaign: Campaign, outcome: Outcome, watch: Watch | None = None) -> None:
    """Sends what is unsure, checks everything, and writes it into the row."""
    if watch is not None:
        campaign.others = frozenset(watch.sent)
    outcome.findings += await campaign.settle_and_check()
    outcome.acknowledged = len(campaign.ledger.acknowledged) + len(campaign.others)
    outcome.lost, outcome.doubled = campaign.lost, campaign.doubled
