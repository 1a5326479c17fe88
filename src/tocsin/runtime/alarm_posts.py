"""What every intake that is posted to does alike: the key, the desk, the words of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tocsin.kernel.shared import Actor, Refused
from tocsin.packs.words import word
from tocsin.runtime.alarm_ports import AlarmTaker, IncomingAlarm

SCOPE: Final = "reports:trusted"
"""What a sender's API key must be made for."""
STATUS: Final[Mapping[str, int]] = {"key_wrong": 403, "too_large": 413}
"""HTTP status by reason; what is not here cannot be read: 400."""
SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "key_wrong": (
        "Send an API key with the scope reports:trusted as X-API-Key or as a bearer token.",
        "请以 X-API-Key 或 Bearer 令牌提供具有 reports:trusted 权限的 API 密钥。",
    ),
    "too_large": ("The message is too large: {detail}.", "消息过大：{detail}。"),
    "too_many": ("Too many in one message: {detail}.", "一条消息中内容过多：{detail}。"),
    "unreadable": ("The message cannot be read: {detail}.", "无法读取消息：{detail}。"),
    "version_unread": ("This version is not read: {detail}.", "不支持该版本：{detail}。"),
    "signature_wrong": (
        "The signature is not the sender's: HMAC-SHA256 over the timestamp, a dot and the body.",
        "签名不正确：应为对“时间戳.正文”的 HMAC-SHA256。",
    ),
    "signature_old": (
        "The timestamp is more than {detail} from this node's clock.",
        "时间戳与本节点时钟相差超过 {detail}。",
    ),
    "sender_unknown": ("Nobody of this name may send here.", "没有该名称的发送方。"),
    "mapping_misses": (
        "The message has no {detail}, or none that can be used.",
        "消息中没有可用的 {detail}。",
    ),
}
"""Reason -> (English, Chinese)."""


def told(refused: Refused, language: str) -> dict[str, str]:
    """A refusal as it is answered: the reason, and why in words."""
    if refused.reason not in SENTENCES:
        return {"reason": refused.reason, "detail": word("reason", refused.reason, language)}
    english, chinese = SENTENCES[refused.reason]
    text = chinese if language.lower().startswith("zh") else english
    return {"reason": refused.reason, "detail": text.format(detail=refused.detail)}


def given_key(headers: Mapping[str, str]) -> str:
    """The API key of a request: X-API-Key, or a bearer token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key", "") or (token.strip() if scheme.lower() == "bearer" else "")


async def keep_all(desk: AlarmTaker, found: Iterable[IncomingAlarm], by: Actor) -> Refused | None:
    """Hands all alarms of a message to the desk, in their order; the first refusal ends it. Raises
    Unavailable; what was kept before it is a repeat when the message comes again."""
    for incoming in found:
        outcome = await desk.receive(incoming, by)
        if isinstance(outcome, Refused):
            return outcome
    return None
