"""The settings of the node's watch over itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from tocsin.app.settings_sign_in import SignInSettings, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings(SignInSettings):
    """Part of `Settings`, above those of signing in."""

    synthetic_every_s: Annotated[float, Meta(ge=0)] = setting(
        60.0,
        "s",
        "How often the node sends a report of nobody through the whole path; 0 sends none.",
        "节点多久发送一次贯穿全流程的自检上报；0 表示不发送。",
    )
    synthetic_page_url: str = setting(
        "",
        "URL",
        "Where a word is posted when no such report arrived for two minutes; empty: nowhere.",
        "自检上报连续两分钟未送达时通知的网址；留空则不通知。",
        secret=True,
    )
