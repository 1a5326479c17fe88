"""What a running node offers to its rims: one bundle, made by the app, used by web and intakes."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from tocsin.geography.areas import Atlas
from tocsin.geography.map_folder import MapFolder
from tocsin.packs.model import Pack
from tocsin.runtime.alarm_desk import AlarmDesk
from tocsin.runtime.engine import Engine
from tocsin.runtime.following import Stories
from tocsin.runtime.hang_ups import HangUps
from tocsin.runtime.intake_settings import Tables
from tocsin.runtime.log_ports import MerkleLog
from tocsin.runtime.outgoing import Outgoing
from tocsin.runtime.photos import Darkroom
from tocsin.runtime.ports import Clock, Ids, KeyRing, NodeStore, Vault
from tocsin.runtime.positions import KEEP_S, PositionDesk
from tocsin.runtime.quality import Quality
from tocsin.runtime.quality_ports import QualityStore
from tocsin.runtime.reception import Reception
from tocsin.runtime.recommending.desk import AdviceDesk
from tocsin.runtime.redactions import Redactions
from tocsin.runtime.retention import Holds, RetentionDesk
from tocsin.runtime.runner import Heartbeat
from tocsin.runtime.supervision import Supervision
from tocsin.runtime.synthetic_ports import Synthetic


def welcome(scope: MutableMapping[str, Any]) -> int:
    """Nobody is held back: for tests and for nodes behind a front that does it."""
    return 0


def _never() -> bool:
    return False


def _unknown() -> int | None:
    return None


@dataclass(slots=True)
class Services:
    """The node as its rims see it. `jurisdiction` is the Open311 jurisdiction id."""

    store: NodeStore
    vault: Vault
    engine: Engine
    reception: Reception
    pack: Pack
    atlas: Atlas
    clock: Clock
    ids: Ids
    keys: KeyRing
    jurisdiction: str
    public_url: str = ""
    darkroom: Darkroom = field(default_factory=Darkroom)
    """Where photos are re-encoded: one for the node, so that its threads are counted once."""
    key_required: bool = False
    """Whether reports of the public need an API key."""
    keyless_wait_s: Callable[[MutableMapping[str, Any]], int] = welcome
    """Seconds a sender without a key must wait before the next report, by the ASGI scope of the
    request; 0 when it may go ahead."""
    stories: Stories | None = None
    """What the measures are read from; None on a node that keeps none."""
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
    position_keep_s: float = KEEP_S
    """How long a position of a duty unit is kept."""
    positions: PositionDesk = field(init=False)
    advice: AdviceDesk = field(init=False)
    """Who recommends units."""
    alarms: AlarmDesk = field(init=False)
    """The one way in for messages of devices."""
    supervision: Supervision = field(init=False)
    quality_store: QualityStore | None = None
    """Where stories of alarms are kept; None on a node that keeps none."""
    quality: Quality | None = field(init=False, default=None)
    """How good the alarms are, and what the devices need."""
    log: MerkleLog | None = None
    """What shows whether the past was changed; None on a node that keeps none."""
    retention: RetentionDesk | None = None
    """What destroys things whose day has come; None on a node that keeps nothing."""
    holds: Holds | None = None
    """Legal holds; None on a node that keeps nothing."""
    redactions: Redactions | None = None
    """People's words on what is published; None where everything goes out as the finder has it."""
    walls: str = "ok"
    """Whether the store itself holds what is read for a person to who looks; else `open`."""
    map: MapFolder | None = None
    """The town's own map and what it names; None on a node without a data folder."""
    intakes: Tables = field(default_factory=dict[str, dict[str, Any]])
    """What the operator set for the ways in, by their code."""
    outgoing: Outgoing | None = None
    """Who calls the outside; None on a node that calls nobody."""
    intake_memory: dict[str, object] = field(default_factory=dict[str, object])
    """What an intake shares between its routes and its sockets, by its code; never on disk."""
    hang_ups: dict[str, HangUps] = field(default_factory=dict[str, HangUps])
    """Whom the ways in hung up on, by their code."""
    seats_max: int = 65_536
    """Connections that each listener for devices may have, by the descriptors of the process."""

    synthetic: Synthetic | None = None
    """The report of nobody that travels the whole path; None on a node that sends none."""
    is_clock_stepped: Callable[[], bool] = _never
    """Whether the machine's clock was set by hand, and is not what this node goes by."""
    room_bytes: Callable[[], int | None] = _unknown
    """Room left where the embedded database lives; None where that is not ours to know."""

    def __post_init__(self) -> None:
        self.positions = PositionDesk(self.store, self.clock, self.position_keep_s)
        self.advice = AdviceDesk(
            self.store,
            self.engine.policies,
            self.pack,
            self.atlas,
            self.clock,
            self.positions,
            self.stories,
        )
        self.alarms = AlarmDesk(self.engine, self.pack, self.reception)
        self.supervision = Supervision(self.alarms)
        if self.quality_store is not None:
            self.quality = Quality(self.alarms, self.supervision, self.quality_store, self.stories)
