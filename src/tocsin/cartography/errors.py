"""Why a map could not be made, in words for the operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tocsin.geography.spoken import SpokenError


class MapError(SpokenError, RuntimeError):
    """No map was made and the old one stays: `reason` is stable, `message(language)` is for
    people. Safe to show."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "missing": ("there is no map file {name}", "没有地图文件 {name}"),
        "unreadable": (
            "{name} is no readable map extract (.osm.pbf)",
            "{name} 不是可读取的地图文件（.osm.pbf）",
        ),
        "empty": (
            "{name} holds nothing to draw a map from",
            "{name} 中没有可用于绘制地图的内容",
        ),
        "too_large": (
            "{name} is over {limit} MB; cut it smaller",
            "{name} 超过 {limit} MB，请先裁剪",
        ),
        "busy": (
            "another build of this map is running; wait for it",
            "该地图正在由另一个进程生成，请稍候",
        ),
        "tiler": (
            "the tile maker gave up on {name}: {detail}",
            "切片程序无法处理 {name}：{detail}",
        ),
        "folder": (
            "the map cannot be written: {detail}",
            "无法写入地图：{detail}",
        ),
    }
