"""What a running node offers to its rims: one bundle, made by the app, used by web and intakes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tocsin.geography.areas import Atlas
from tocsin.packs.model import Pack
from tocsin.runtime.engine import Engine
from tocsin.runtime.following import Stories
from tocsin.runtime.ports import Clock, Ids, KeyRing, Store, Vault
from tocsin.runtime.reception import Reception
from tocsin.runtime.runner import Heartbeat


@dataclass(slots=True)
class Services:
    """The node as its rims see it. `jurisdiction` is the Open311 jurisdiction id."""

    store: Store
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
    stories: Stories | None = None
    """What the measures are read from; None on a node that keeps none."""
    heartbeat: Heartbeat = field(default_factory=Heartbeat)
