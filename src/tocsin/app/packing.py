"""`tocsin pack …`: what a pack author runs."""

from __future__ import annotations

import argparse

from tocsin.app.asking import settings_of
from tocsin.app.clock import SteadyClock
from tocsin.app.ground import atlas_of
from tocsin.app.node import pack_folder, pack_of
from tocsin.packs.check import check as findings_of
from tocsin.packs.coverage import coverage as gaps_of
from tocsin.packs.coverage import coverage_text
from tocsin.packs.explain import explain_file
from tocsin.packs.load import read_pack
from tocsin.packs.reading import PackError

SHOWN = 50
"""Findings printed at a time: one screen; the count says how many there are."""


def check(asked: argparse.Namespace) -> int:
    """Exit 0 when nothing is wrong, 1 with the list of findings."""
    settings = settings_of(asked, pack=asked.folder)
    pack = None
    try:
        pack = read_pack(pack_folder(settings), calendar=settings.calendar or None)
        findings = list(findings_of(pack))
    except PackError as error:
        findings = list(error.findings)
    for finding in findings[:SHOWN]:
        print(finding)
    if findings or pack is None:
        print(f"{len(findings)} findings")
        return 1
    print(f"{pack.version}: {len(pack.case_types)} case types, nothing wrong")
    return 0


def explain(asked: argparse.Namespace) -> int:
    """Print the route, why each earlier rule did not match, the deadlines, and who is told."""
    settings = settings_of(asked)
    atlas, _ = atlas_of(settings.data, settings.map)
    text = asked.report.read_text(encoding="utf-8")
    now = SteadyClock().now()
    print(explain_file(pack_of(settings), text, atlas, now=now, language=asked.language))
    return 0


def coverage(asked: argparse.Namespace) -> int:
    """Exit 0 when every grid cell has an owner for every case type, 1 with the gaps."""
    settings = settings_of(asked, pack=asked.folder)
    pack = pack_of(settings)
    atlas, _ = atlas_of(settings.data, settings.map)
    gaps = gaps_of(pack, atlas)
    if gaps:
        print(coverage_text(pack, gaps[:SHOWN], asked.language))
        print(f"{len(gaps)} gaps")
        return 1
    cells = len(atlas.tier("cell"))
    print(f"{cells} grid cells x {len(pack.case_types)} case types: each has an owner")
    return 0
