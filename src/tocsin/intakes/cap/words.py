"""Why a post of CAP was not taken, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tocsin.kernel.shared import Refused

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "key_wrong": (
        "Send an API key with the scope reports:trusted as X-API-Key.",
        "请在 X-API-Key 中提供具有 reports:trusted 权限的 API 密钥。",
    ),
    "too_large": ("The message is too large: {detail}.", "消息过大：{detail}。"),
    "unreadable": ("This is no CAP message: {detail}.", "不是 CAP 消息：{detail}。"),
    "dtd_forbidden": (
        "A document type declaration is not allowed.",
        "不允许使用文档类型声明（DTD）。",
    ),
    "version_unread": ("CAP 1.2 and 1.1 are read.", "仅支持 CAP 1.2 和 1.1。"),
    "element_wrong": (
        "The element {detail} is missing or not one of its values.",
        "元素 {detail} 缺失或取值错误。",
    ),
    "references_missing": (
        "An {detail} must name the messages it is about, in references.",
        "{detail} 必须在 references 中写明所涉及的消息。",
    ),
    "not_an_alert": ("Drafts, Ack and Error are not taken.", "不接收草稿、Ack 和 Error。"),
    "elsewhere": (
        "The entry lies on a host that is not the feed's.",
        "该条目所在主机不属于此订阅源。",
    ),
}
"""Reason -> (English, Chinese)."""


def sentence(refused: Refused, language: str) -> str:
    """The reason in words; "" when it is not one of this intake."""
    if refused.reason not in SENTENCES:
        return ""
    english, chinese = SENTENCES[refused.reason]
    text = chinese if language.lower().startswith("zh") else english
    return text.format(detail=refused.detail)
