"""`tocsin pack …`: what a pack author runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tocsin.app.ground import atlas_of
from tocsin.app.node import pack_of
from tocsin.app.settings import Settings, load
from tocsin.packs.check import check as findings_of
from tocsin.packs.coverage import coverage as gaps_of
from tocsin.packs.explain import explain_file
from tocsin.packs.find import builtin
from tocsin.packs.load import read_pack
from tocsin.packs.reading import PackError

SHOWN = 50
"""Findings printed at a time: one screen; the count says how many there are."""


def _settings(asked: argparse.Namespace) -> Settings:
    overrides = {
        name.removeprefix("set_"): value
        for name, value in vars(asked).items()
        if name.startswith("set_")
    }
    if getattr(asked, "folder", None):
        overrides["pack"] = asked.folder
    return load(overrides, os.environ, asked.config)


def _folder(settings: Settings) -> Path:
    folder = Path(settings.pack)
    return folder if (folder / "pack.toml").exists() else builtin(settings.pack)


def check(asked: argparse.Namespace) -> int:
    """Exit 0 when nothing is wrong, 1 with the list of findings."""
    settings = _settings(asked)
    try:
        pack = read_pack(_folder(settings), calendar=settings.calendar or None)
        findings = list(findings_of(pack))
    except PackError as error:
        findings = list(error.findings)
    for finding in findings[:SHOWN]:
        print(finding)
    if findings:
        print(f"{len(findings)} findings")
        return 1
    print(f"{pack.version}: {len(pack.case_types)} case types, nothing wrong")
    return 0


def explain(asked: argparse.Namespace) -> int:
    settings = _settings(asked)
    atlas, _ = atlas_of(settings.data, settings.map)
    text = asked.report.read_text(encoding="utf-8")
    print(explain_file(pack_of(settings), text, atlas, language=asked.language))
    return 0


def coverage(asked: argparse.Namespace) -> int:
    """Exit 0 when every grid cell has an owner for every case type, 1 with the gaps."""
    settings = _settings(asked)
    pack = pack_of(settings)
    atlas, _ = atlas_of(settings.data, settings.map)
    gaps = list(gaps_of(pack, atlas))
    for gap in gaps[:SHOWN]:
        print(gap)
    if gaps:
        print(f"{len(gaps)} gaps")
        return 1
    cells = len(atlas.tier("cell"))
    print(f"{cells} grid cells x {len(pack.case_types)} case types: each has an owner")
    return 0
