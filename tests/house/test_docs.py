"""What the pages name exists: links, verbs, make targets, and every block has its test."""

import re
from pathlib import Path

import pytest

from tocsin.app.cli import _parser

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```[^\n]*\n.*?^```$", re.M | re.S)
GROUPS = {"account", "log", "map", "pack", "roads", "vault"}
"""Verbs that have verbs of their own."""
OWN_OPTIONS = {"demo", "sim"}
"""Verbs that read their options themselves."""
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_verb_that_is_named_exists() -> None:
    named: dict[tuple[str, ...], str] = {}
    for page in PAGES:
        for words in re.findall(r"`tocsin ([a-z][a-z-]*)(?: ([a-z]+))?", page.read_text("utf-8")):
            verb = words[:2] if words[0] in GROUPS else words[:1]
            if verb[0] not in OWN_OPTIONS and verb != ("pack", ""):
                named.setdefault(verb, page.name)
    parser = _parser()
    for verb, page in named.items():
        with pytest.raises(SystemExit) as end:
            parser.parse_args([*verb, "--help"])
        assert end.value.code == 0, f"{page}: tocsin {' '.join(verb)}"


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.M))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z]+)", text) + re.findall(r"^    make ([a-z]+)", text, re.M)
        assert set(named) <= targets, page.name
