"""Why a setting is refused, in words for the operator."""

from collections.abc import Mapping
from typing import ClassVar

from tocsin.geography.spoken import SpokenError


class SettingsError(SpokenError, ValueError):
    """A setting that cannot be taken: `reason` is stable, `message(language)` is for people."""

    TEXTS: ClassVar[Mapping[str, tuple[str, str]]] = {
        "unknown": (
            "unknown setting {key} in {source}; the nearest known one is {nearest}",
            "{source} 中有未知的设置 {key}；最接近的已知设置是 {nearest}",
        ),
        "bad_value": (
            "setting {key} in {source}: {detail}",
            "{source} 中的设置 {key} 不能使用：{detail}",
        ),
        "unreadable": (
            "the settings file {key} cannot be read: {detail}",
            "无法读取设置文件 {key}：{detail}",
        ),
    }
