"""Every key that a pack may hold, with its meaning: the source of the reference page.

A test compares these tables with the keys that the reader really asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.packs.aid import ASK_MAX_S, ASK_S, GIVERS
from tocsin.packs.messages import SLOTS
from tocsin.packs.parts import CLOCK_NAMES, FIELD_KINDS, SERVICE_KINDS
from tocsin.packs.retention import KEPT_DAYS_MAX
from tocsin.packs.rings import ARRIVES, BOUND_MAX_S, COUNTS
from tocsin.packs.sight import CASES_MAX, CLOSED_DAYS_MAX
from tocsin.packs.stays import ANY, STAGES, STAY_MAX_S
from tocsin.packs.terms import AUDIENCES, PROFILES, ROLES, VERIFY_BY
from tocsin.packs.unit_statuses import SAYABLE
from tocsin.packs.units import TRAVELS

_WORDS = 'A text per language of the pack (`{ en = "…", zh-CN = "…" }`).'

TERMS: Final[Mapping[str, str]] = {
    "kind": f"How cases are handled: {', '.join(PROFILES)}. Mediation must be sealed; an "
    "emergency's clocks run day and night.",
    "priority": "1 (life and limb) to 4.",
    "clocks": f"How long each stage may take: {', '.join(CLOCK_NAMES)} (`urge` has its own list). "
    'A text such as "15 minutes", "4 hours", "4 work hours", "5 work days", "30 calendar days", '
    "or a table (see clock).",
    "verification": "Who looks whether it is done (see verification).",
    "fast_path": "An emergency may pass from received to dispatched in one step.",
    "sealed": "Confidential: nothing of it is ever published.",
    "hold_reasons": "Reasons for which work may be paused.",
    "hold_needs_approval": "Whether someone must approve a hold.",
    "hold_cap": 'All holds of one case together ("30 days").',
    "ask_cap": 'All pauses for questions together ("15 days").',
    "extension_percent": "How much more time may be granted once, percent of the first; 0 forbids.",
    "returns_max": "How often agencies may send a case back before an arbiter decides.",
    "reworks_before_alarm": "Failed checks after which the owner's supervisor is told.",
    "reopen_within": "How long after the close feedback reopens a case.",
    "appeal_within": "How long after an evaluation the agency may appeal.",
    "urge": "Levels of supervision (see urge).",
    "arbiter": "Code of the agency that decides when agencies disagree.",
    "retention_days": "Days after the close for which personal data are kept.",
    "second_person": "For which openings of sealed values a second person must agree: `none`, "
    "`contact` (how the reporter is reached: for types in which one tells on the powerful) or "
    "`all` (never of an emergency).",
}

KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "pack": {
        "name": "Name of the pack; versions are this name and a hash of the content.",
        "title": _WORDS,
        "languages": "Languages in which every text must be.",
        "jurisdiction": "Open311 jurisdiction id; the name when left out.",
        "calendar": "The calendar used unless a node chooses another; its zone is the pack's.",
        "calendars": "All calendars a node may choose.",
        "group": "Headings of the list of types, in order (see group).",
        "agency": "Bodies in charge (see agency).",
        "ladders": "Escalation ladders by name (see ladder).",
        "profiles": "Terms that case types start from, by name (see terms).",
        "emergency": "Whom to call when life is in danger, and words that tell it (see emergency).",
        "capability": "What a run card may ask for (see capability).",
        "unit_kind": "Kinds of units (see unit_kind).",
        "ring": "How soon somebody must be there (see ring).",
        "aid": "Whose units are sent unasked, and who may be asked (see aid); without a rule for"
        " a case every unit may be sent.",
        "stay": "How long units remain in a stage of a call (see stay).",
        "sight": "When looking at sealed values needs a second person (see sight).",
        "retention": "For how long is kept what hangs on no type of case (see retention).",
        "asset_kind": "Kinds of devices and facilities that are looked after (see asset_kind).",
        "alarm_kind": "Kinds of alarms and what is done with them (see alarm_kind).",
    },
    "capability": {"code": "Its name in unit kinds and run cards.", "name": _WORDS},
    "unit_kind": {
        "code": "Its name.",
        "name": _WORDS,
        "capabilities": "What it can do, codes of capabilities.",
        "crew": "How many are on it; 1 when left out.",
        "travel": f"How it moves: {', '.join(TRAVELS)}; road when left out, straight is through"
        " the air.",
        "endurance_min": "Minutes it can stay out; as long as its crew can when left out.",
    },
    "ring": {
        "code": "Its name.",
        "name": _WORDS,
        "bound_s": f"Whole seconds, 1 to {BOUND_MAX_S}.",
        "counts": f"Where the bound begins: {', '.join(COUNTS)} (the unit leaves, it is ordered"
        " out, somebody reports); travel when left out.",
        "before_s": "Seconds that may pass between the report and that beginning.",
        "tier": "Who promises it: county, town, village or cell.",
        "capability": "What the units that keep it can do.",
        "arrives": f"Which of them: {', '.join(ARRIVES)}; first when left out.",
        "share": "Percent of cases that must meet it; 100 when left out.",
        "density_min": "People on a square kilometre from which it holds.",
        "density_max": "And below which.",
        "edition": "Edition of the document that it is written in.",
        "source": "That document: one text, or a text per language.",
        "in_force": "False: known here, and nobody is held to it.",
    },
    "aid": {
        "owner_tier": "For cases of this tier; the first rule that fits a case counts.",
        "leads": "Only for cases led by one of these agencies; all when left out.",
        "unasked": f"Whose units are sent without asking: {', '.join(GIVERS)} (`other-` are those"
        " at home in another area of that tier), or codes of agencies, which go before tiers.",
        "on_request": "Likewise, whose units are named as a repair of a shortfall, to be asked"
        " for. Whoever is in neither list is not offered.",
        "ask_s": f"Seconds that asking takes, 0 to {ASK_MAX_S}; {ASK_S} when left out.",
        "source": "The agreement it rests on: one text, or a text per language.",
    },
    "sight": {
        "cases_an_hour": "Cases whose values one account opens within an hour before a second"
        f" person must agree to the next; 1 to {CASES_MAX}, 60 when left out. Emergencies at work"
        " are never held back.",
        "closed_after_days": "Days after its close until which a case is opened by one person"
        f" alone; 1 to {CLOSED_DAYS_MAX}, 30 when left out.",
        "shows_names": "True: receipts name who of the staff looked; false when left out: role and"
        " agency only.",
    },
    "retention": {
        "contact_days": "Days after the close until which a reporter's contact is kept; never"
        f" longer than the retention_days of the type; 1 to {KEPT_DAYS_MAX}.",
        "photo_days": "Likewise, photos.",
        "alarm_days": "Days after an alarm is over for which its device's words are kept; 365 when"
        " left out. Never shorter than its case's own.",
        "account_days": "Days after an account was switched off until its name and login go; 365"
        " when left out.",
        "errand_days": "Days for which an errand that was given up is kept; 90 when left out.",
    },
    "stay": {
        "kind": f"Code of the unit kind; {ANY} when left out: all that have none of their own.",
        "stage": f"{', '.join(STAGES)}.",
        "median_s": f"Seconds that half of them last, 1 to {STAY_MAX_S}.",
        "p90_s": "And nine of ten.",
        "share": "Percent of calls that have this stage; 100 when left out. Below 50 it is not"
        " counted where it is still to come.",
        "source": "Where the numbers are from: one text, or a text per language.",
    },
    "asset_kind": {
        "code": "Its name in assets.",
        "name": _WORDS,
        "life_safety": "Whether it guards lives: folded under a common cause, its silence is "
        "still shown one by one.",
        "test_days": "How often each of them is pressed on test; 0 when left out, for never.",
    },
    "alarm_kind": {
        "code": "Its name in alarms; `unclear` must be there, for what nobody can read.",
        "name": _WORDS,
        "priority": "1 (life and limb) to 4; 3 when left out.",
        "life_safety": "Never folded away by a cause, never quiet as chatter.",
        "momentary": "Its device never says that it is over (a button); a person resets it.",
        "latching": "Stays until a person resets it, also when its condition is over.",
        "silent": "Makes no sound where it was raised, and none on a screen there.",
        "drill": "A drill of the site covers it; only for what is momentary.",
        "cancel": "What taking it back with the code of the site does to its case: `note`, "
        "`lower` or `close`; `lower` when left out. A case with a unit on it is never "
        "closed by that.",
        "cancel_s": "Seconds after the press within which the code takes it back; 0 when left out, "
        "for never.",
        "cancel_priority": "To which priority its case is lowered; 2 when left out.",
        "panel_cancel": "What the word of a panel that its user took it back does to its case: "
        "`note` (a person looks), `lower` or `close`; `note` when left out, and wherever the word "
        "came in clear.",
        "panel_cancel_s": "Seconds after the last raise within which a panel's word counts; 0 when "
        "left out, for never: then it is noted.",
        "panel_cancel_codes": "A table: the codes of each intake with which a panel says so.",
        "on_delay_s": "Seconds the condition must last before it is announced; 0 when left out.",
        "off_delay_s": "Seconds it must stay away before it is over; 0 when left out.",
        "fleeting_s": "Shorter than this it counts as fleeting; 0 when left out.",
        "chatter_count": "So many times within the window is chatter, told once; 3 when left"
        " out, 0 for never.",
        "chatter_window_s": "The window; 60 when left out.",
        "realarm_s": "Told again after so many seconds while it is there; 0 for never.",
        "opens": "When it becomes a case: at_once, from_level or never (when left out).",
        "opens_level": "The level of verification from which it does, 1 to 4; 2 when left out.",
        "level": "What a bare signal is worth, 0 to 4; 1 when left out.",
        "confirmed_level": "What it is worth once a second device of the site says the same;"
        " 2 when left out.",
        "case_type": "The case type it opens.",
        "shelve_s": "The longest time on the shelf in seconds, by role; others may not.",
        "limit": "Readings that are this alarm (see limit).",
        "codes": "Codes that mean it, a list for each intake.",
    },
    "limit": {
        "reading": "Name of the reading.",
        "above": "It is crossed above this value.",
        "below": "Likewise below; at least one of the two.",
        "dead_band": "How far the reading must come back before it is over; 0 when left out.",
    },
    "run_card": {
        "level": "Which level of the case it is for; its place in the list when left out.",
        "needs": "How many units with which capability (`{ engine = 2 }`).",
        "assists": "Likewise, sent too when nobody else needs them.",
        "counts_once": "False: one unit meets every need that it has the capability for.",
    },
    "emergency": {
        "number": "Numbers to call, the first one first (see emergency number).",
        "words": "Words by language; a report that holds one is sent to the telephone before"
        " the form.",
    },
    "emergency number": {
        "number": "Two to six digits.",
        "name": _WORDS,
        "calendars": "Only where the node runs on one of these calendars; everywhere when left"
        " out.",
    },
    "group": {"code": "Its name in case types.", "name": _WORDS},
    "agency": {
        "code": "Its name in routes; `code@area` names one agency.",
        "name": _WORDS,
        "tier": "county, town, village or cell: it exists once in every area of this tier.",
        "statuses": "Its own names of its units' statuses, each with the status it stands for: "
        f"{', '.join(SAYABLE)}.",
    },
    "ladder": {
        "50, 75, 100, 150": f"Who is told at that percent of a clock: {', '.join(AUDIENCES)}."
        " 100 is the miss and must be there.",
    },
    "terms": TERMS,
    "clock": {
        "within": "The length.",
        "ladder": "Name of the escalation ladder; the profile's when left out.",
        "calendar": "A calendar of its own; the pack's when left out.",
    },
    "verification": {
        "by": f"{' or '.join(VERIFY_BY)}.",
        "four_eyes": "Whoever reported it done may never check it.",
        "photo": "A photo is needed.",
    },
    "urge": {
        "level": "1 to 9; its place in the list when left out.",
        "roles": f"Who may urge at this level, of: {', '.join(ROLES)}.",
        "within": "How soon it must be answered.",
        "ladder": "Name of the escalation ladder.",
        "calendar": "A calendar of its own.",
    },
    "type": {
        "code": "Its stable name, also in the journal: never changed, never reused.",
        "title": _WORDS,
        "description": _WORDS,
        "group": "Code of its heading.",
        "profile": "Name of the profile whose terms it starts from; any key of terms may follow.",
        "owner_tier": "The tier that owns its cases: county, town, village or cell.",
        "public": "Whether residents may report it; true when left out.",
        "service_code": "Open311 service code; the code when left out.",
        "service_kind": f"Open311 type: {', '.join(SERVICE_KINDS)}.",
        "keywords": "Words by language by which a report is recognised.",
        "ask": "Questions a call taker asks first, in order, each a text per language.",
        "field": "Questions of the form (see field).",
        "route": "Who is in charge; the first rule that matches (see route).",
        "run_card": "Which units are sent, level by level (see run_card).",
        "messages": "Own wording of messages, by name of the template.",
        "example": "Reports that show the type, and are tests (see example).",
    },
    "field": {
        "code": "Its name in answers and conditions.",
        "kind": f"{', '.join(FIELD_KINDS)}. string and text are free text and always sealed.",
        "label": _WORDS,
        "hint": _WORDS,
        "required": "Whether it must be answered.",
        "values": "Keys of a list, each with a text per language.",
        "order": "Its place; the order in the file when left out.",
        "sealed": "The answer goes to the vault, not to the board.",
        "variable": "False for a note that only informs.",
    },
    "route": {
        "rule": "Its name in the journal and in explanations.",
        "when": "The condition; the last rule has none (see condition).",
        "lead": "Code of the agency in charge.",
        "assisting": "Codes of agencies that get a task beside it.",
    },
    "condition": {
        "area": "The place lies in one of these areas, on any tier.",
        "tier": "Its area on this tier (with `equals` or `one_of`).",
        "hours": 'Local wall time, "22:00-06:00" or a list; the end does not count.',
        "weekday": "mon, tue, wed, thu, fri, sat, sun.",
        "workday": "Whether the calendar's office is open on that date.",
        "answer": "Code of a field (with `equals`, `one_of` or `range`).",
        "equals": "One value.",
        "one_of": "Several values.",
        "range": "[lowest, highest], both included.",
        "all": "A list of conditions that must all hold.",
        "any": "A list of conditions of which one must hold.",
        "not": "A condition that must not hold.",
    },
    "example": {
        "text": _WORDS + " The type must be guessed from each of them.",
        "rank": "Among how many first guesses; 1 when left out.",
        "lead": "Code of the agency that must lead.",
        "at": "Local date and time of the report.",
        "areas": "Areas of the place, by tier.",
        "answers": "Answers of the form, each a list.",
    },
    "calendar": {
        "name": "Its name.",
        "zone": "IANA time zone.",
        "source": "Where the dates come from.",
        "weekly": 'mon to sun, each a list such as ["08:30-12:00", "14:00-17:30"].',
        "holidays": "Closed dates, each { date, name per language }.",
        "workdays": "Make-up working days, likewise.",
        "makeup_hours": "The hours of make-up working days.",
    },
}


def reference() -> str:
    """The reference page of packs, in Markdown."""
    lines = [
        "# Keys of a pack",
        "",
        "A pack is a folder: `pack.toml`, one file per case type in `types/`, messages in",
        "`messages/`. Shared calendars and messages lie beside the packs. An unknown key is an",
        "error, and `tocsin pack check` names the nearest known one.",
        "",
        f"Messages may hold these slots: {', '.join(f'`{{{slot}}}`' for slot in sorted(SLOTS))}.",
    ]
    for part, keys in KEYS.items():
        lines += ["", f"## {part}", "", "| key | meaning |", "|---|---|"]
        lines += [f"| `{key}` | {meaning} |" for key, meaning in keys.items()]
    return "\n".join(lines) + "\n"
