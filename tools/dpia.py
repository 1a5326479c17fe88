"""Writes `docs/security/dpia.md`: a data-protection impact assessment to be finished by the town,
with what the program itself knows already filled in, from the classes of all columns."""

# ruff: noqa: E501  (a page has longer lines than code)
from __future__ import annotations

import sys
from pathlib import Path

from tocsin.stores.postgres.classes import KINDS, Classes, classes

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.written import write_or_check  # noqa: E402

OUT = ROOT / "docs" / "security" / "dpia.md"
MEANS = {
    "none": "about the town, a device or the program",
    "staff": "a person at work: who did it, how an account is called, where a duty unit is",
    "personal": "may point at a member of the public: where a case is, answers in a form",
    "sealed": "words, contact and photos of people, encrypted under a key of their own",
    "secret": "keys, and what was made from a key, password or code",
}
HEAD = """# Data-protection impact assessment

A template (Article 35 of the GDPR; Article 55 of China's Personal Information Protection Law asks for the same). What the program
knows is filled in from its own schema by `tools/dpia.py`, and a test holds it fresh. **TOWN** marks what only the town can say.

| question | answer |
|---|---|
| controller, and who answers for it | **TOWN** |
| data-protection officer | **TOWN** |
| legal basis for reports, for alarms, for duty positions | **TOWN** |
| who runs the machine, in which country | **TOWN** |
| who was consulted, and what residents said | **TOWN** |
| purpose | receive reports and alarms, send help, keep promises, answer the reporter |
| not a purpose, and not built | to identify, follow, rank or profile members of the public ([why](../adr/0002-what-we-refuse-to-build.md)) |
| automated decisions on persons | none: the program ranks cases and units |
| recipients | staff with a grant over the area or agency ([who may do what](../reference/permissions.md)); the public sees published places and states |
| transfers | none by the program; calls to the outside carry no personal data ([threat model](threat-model.md)) |
| erasure | `tocsin erase`, [how](../guides/erase-a-person.md) |
| access and export for the person asking | the receipt by its tracking code; else by staff |

## Risks
| risk to people | what stands against it | what is left |
|---|---|---|
| a clerk reads what is none of their business | purpose before sight, an access record for each opening, roles over areas | one with the right role and a false purpose: seen afterwards, not prevented |
| a stolen disk or backup | vault sealed, its master key a file of its own; wrapped keys in a file apart from the data | the key on the same disk: put it elsewhere, encrypt the disk |
| a place gives away a home | published places are of the case, not of the reporter; sealed types are never published | **TOWN**: which types are published |
| staff are watched at work | positions on duty only, the newest only, gone after 48 h, never in the journal | **TOWN**: agreement with staff |
| retention without end | the nightly run by the days of the pack, each with a signed record; keys' files of backups pruned after 14 days, so that erased people are in none; classes below | **TOWN** sets the days of the pack, runs `tocsin backup prune` wherever copies are, and keeps copies of the server itself no longer |
| the node is not reached in an emergency | words of an emergency lead to the telephone first | **TOWN**: the telephone |
"""


def rows(table: Classes) -> list[str]:
    found = ["| table | kept | " + " | ".join(KINDS[1:]) + " |", "|---|---|" + "---|" * 4]
    for relation in sorted({each.relation for each in table.columns}):
        columns = table.of(relation)
        told = [
            ", ".join(sorted(f"`{each.name}`" for each in columns if each.kind == kind))
            for kind in KINDS[1:]
        ]
        if any(told):
            found.append(f"| `{relation}` | {columns[0].retention} | {' | '.join(told)} |")
    return found


def text() -> str:
    """The page."""
    table = classes()
    counts = {kind: sum(each.kind == kind for each in table.columns) for kind in KINDS}
    lines = [HEAD, "## What is kept", "| class | columns | meaning |", "|---|---|---|"]
    lines += [f"| {kind} | {counts[kind]} | {MEANS[kind]} |" for kind in KINDS]
    lines += ["", "| kept | for how long |", "|---|---|"]
    lines += [f"| {name} | {words['en']} |" for name, words in table.retention.items()]
    lines += [
        "",
        "Tables with anything of a person or a secret; columns not named are of class none.",
        "",
    ]
    lines += rows(table)
    lines += ["", "Signed for the town, with the date of the next look: **TOWN**", ""]
    return "\n".join(lines)


def main() -> int:
    return write_or_check(OUT, text(), again="tools/dpia.py")


if __name__ == "__main__":
    raise SystemExit(main())
