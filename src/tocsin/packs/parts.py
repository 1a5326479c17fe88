"""The parts of a pack, frozen: agencies, forms, rules, examples, case types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tocsin.kernel.cases.policy import (
    ClockName,
    Priority,
    Profile,
    Verification,
)
from tocsin.kernel.cases.vocabulary import Route
from tocsin.kernel.deadlines import Allowance
from tocsin.kernel.shared import Tier
from tocsin.kernel.units.state import UnitStatus
from tocsin.packs.conditions import Condition, Failure
from tocsin.packs.sight import SecondFor
from tocsin.packs.units import RunCard

Words = Mapping[str, str]
"""One text in each language, by language code ("zh-CN", "en")."""

FieldKind = Literal["string", "text", "number", "datetime", "singlevaluelist", "multivaluelist"]
FIELD_KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
FREE_TEXT: tuple[FieldKind, ...] = ("string", "text")
ServiceKind = Literal["realtime", "batch", "blackbox"]
SERVICE_KINDS: tuple[ServiceKind, ...] = get_args(ServiceKind)
CLOCK_NAMES: tuple[ClockName, ...] = get_args(ClockName)


@dataclass(frozen=True, slots=True)
class Field:
    """One question of a form. `sealed` answers go to the vault; free text always does.

    `variable` is Open311's word: True for a question, False for a note that only informs.
    """

    code: str
    kind: FieldKind
    label: Words
    required: bool = False
    values: tuple[tuple[str, Words], ...] = ()
    hint: Words | None = None
    order: int = 1
    sealed: bool = False
    variable: bool = True


@dataclass(frozen=True, slots=True)
class Agency:
    """A body in charge; it exists once in every area of its tier. None: the pack forgot it."""

    code: str
    name: Words
    tier: Tier | None
    statuses: tuple[tuple[str, UnitStatus], ...] = ()
    """Its own names of a unit's statuses, and what each stands for."""


@dataclass(frozen=True, slots=True)
class Group:
    """A heading under which case types are listed."""

    code: str
    name: Words


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a route: under which condition (None: always) which agencies (codes)."""

    name: str
    when: Condition | None
    lead: str
    assisting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule was taken (`failed` is None) or passed over."""

    rule: str
    failed: Failure | None = None

    @property
    def is_match(self) -> bool:
        return self.failed is None


@dataclass(frozen=True, slots=True)
class RouteChoice:
    """The route, and every rule tried, in order: the last one of `why` matched."""

    route: Route
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A report that shows the type, and is a test of the pack.

    The type must be among the first `rank` guesses for each text; with `lead`, the route at local
    time `at` must lead to that agency code.
    """

    text: Words
    rank: int = 1
    lead: str | None = None
    at: str | None = None
    areas: tuple[str, str, str, str] = ("county", "town", "village", "cell")
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class ClockTerms:
    """A clock as the pack says it: how long, which ladder, which calendar (None: the node's)."""

    allowance: Allowance
    ladder: str
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class UrgeTerms:
    """One level of urging: who may, how soon it is answered."""

    level: int
    roles: tuple[str, ...]
    clock: ClockTerms


@dataclass(frozen=True, slots=True)
class Terms:
    """What a profile promises; a case type starts from its profile's terms and may differ."""

    profile: Profile = "routine"
    priority: Priority = 3
    clocks: tuple[tuple[ClockName, ClockTerms], ...] = ()
    verification: Verification = Verification()
    fast_path: bool = False
    sealed: bool = False
    hold_reasons: tuple[str, ...] = ("waiting_for_parts", "weather", "third_party", "court")
    hold_needs_approval: bool = True
    hold_cap_s: int = 30 * 86_400
    ask_cap_s: int = 15 * 86_400
    extension_percent: int = 100
    returns_max: int = 2
    reworks_before_alarm: int = 2
    reopen_within_s: int = 15 * 86_400
    appeal_within_s: int = 5 * 86_400
    urges: tuple[UrgeTerms, ...] = ()
    arbiter: str | None = None
    retention_days: int = 365
    second_person: SecondFor = "none"


@dataclass(frozen=True, slots=True)
class CaseType:
    """One thing that can be reported or raised, and how it is handled.

    `public`: residents may report it through Open311 as `service_code`. `script` holds the
    questions a call taker asks first, in order. `messages` replaces templates of the pack.
    `run_cards`: which units are sent, by level; none where no unit is.
    """

    code: str
    title: Words
    description: Words
    group: str
    owner_tier: Tier
    terms: Terms
    profile_name: str
    rules: tuple[Rule, ...]
    form: tuple[Field, ...] = ()
    keywords: tuple[tuple[str, tuple[str, ...]], ...] = ()
    public: bool = True
    service_code: str = ""
    service_kind: ServiceKind = "realtime"
    script: tuple[Words, ...] = ()
    examples: tuple[Example, ...] = ()
    messages: Mapping[str, Words] | None = None
    run_cards: tuple[RunCard, ...] = ()
