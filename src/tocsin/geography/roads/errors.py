"""Why roads could not be read, in words for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tocsin.geography.spoken import SpokenError


class RoadsError(SpokenError, ValueError):
    """A road file that can not be used: `reason` is stable, `message(language)` is for people."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "missing": ("there is no road file {name}", "没有道路文件 {name}"),
        "unreadable": (
            "{name} is no readable road file (.osm.pbf, or a table of street segments .csv)",
            "{name} 不是可读取的道路文件（.osm.pbf 或街道路段表 .csv）",
        ),
        "no_roads": ("{name} holds no roads", "{name} 中没有道路"),
        "too_large": (
            "{name} is over the limit of {limit}; cut it smaller",
            "{name} 超过上限 {limit}，请先裁剪",
        ),
    }
