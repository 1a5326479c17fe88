"""`tocsin panel`: a panel for an installer to try a receiver with, and to test a site by."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from typing import Final

from tocsin.intakes.sia_dc09.cipher import keys_of
from tocsin.intakes.sia_dc09.dialler import Answer, Dialler

SAID: Final = {
    "ACK": ("taken: it is on disk there", "已接收：对方已写入磁盘"),
    "NAK": ("refused: our clock and the receiver's differ", "被拒绝：本机时钟与接收机时钟不一致"),
    "DUH": (
        "refused: the receiver knows no such account or key, or reads no such message",
        "被拒绝：接收机没有该账号或密钥，或无法识别该消息",
    ),
    "": ("no answer: a panel would send again", "没有应答：报警主机会重发"),
}
NOT_OURS: Final = (
    "the answer does not open with this key: there is somebody between",
    "应答无法用该密钥解开：中间可能有他人",
)
NO_KEY: Final = (
    "the key is 32, 48 or 64 hexadecimal digits, or 16, 24 or 32 characters of text",
    "密钥应为 32、48 或 64 位十六进制数字，或 16、24、32 个字符的文本",
)
NOBODY: Final = ("nobody answers at {where}: {why}", "{where} 无法连接：{why}")


def panel(asked: argparse.Namespace) -> int:
    """Send one message as a panel would. 0 when it was taken, 1 when not, 2 for a wrong call."""
    place = 1 if asked.language.startswith("zh") else 0
    key = b""
    if asked.key:
        readings = keys_of(asked.key)
        if not readings:
            print(f"tocsin: {NO_KEY[place]}", file=sys.stderr)
            return 2
        key = readings[-1] if asked.key_is_text else readings[0]
    dialler = Dialler(asked.account, lambda: datetime.now(UTC), os.urandom, key, asked.prefix)
    dialler.sequence = asked.sequence - 1
    frame = _frame(dialler, asked)
    host, _, port = asked.to.rpartition(":")
    try:
        answer = dialler.send(frame, host or "127.0.0.1", int(port), asked.udp, asked.wait)
    except (OSError, ValueError) as error:
        print(f"tocsin: {NOBODY[place].format(where=asked.to, why=error)}", file=sys.stderr)
        return 2
    return _tell(answer, place)


def _frame(dialler: Dialler, asked: argparse.Namespace) -> bytes:
    code = asked.code.upper()
    if code == "POLL":
        return dialler.poll()
    if code.isdigit():
        return dialler.contact_id(code, asked.zone, asked.area, "3" if asked.restore else "1")
    return dialler.sia(code, asked.zone, asked.area, asked.words)


def _tell(answer: Answer, place: int) -> int:
    print(f"{answer.said or '-'}: {SAID[answer.said][place]}")
    if answer.text:
        print(answer.text)
    if not answer.is_ours:
        print(NOT_OURS[place])
    return 0 if answer.said == "ACK" and answer.is_ours else 1
