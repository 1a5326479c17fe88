"""Finds what names or reaches somebody in words that are about to be published, and takes it out.

Pure, over one text in Chinese or English. What is found is never kept, counted by person or
compared: a span and a kind, and then it is gone. Number plates are only taken out, never recorded.
Checksums: GB 11643 (resident identity number), HETU (remainder by 31), ISO 13616 (IBAN, remainder
by 97), ISO/IEC 7812 (card, Luhn). It finds what has a form; a person still reads before publishing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, get_args

Kind = Literal["email", "phone", "resident_id", "hetu", "iban", "card", "plate", "name"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
GAP: Final = "[…]"
"""What stands in the place of what was taken out."""


class Span(NamedTuple):
    """Characters `start` to `end` of a text, and what they look like."""

    start: int
    end: int
    kind: Kind


_PLAIN: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
"""Full-width letters, digits and signs as the plain ones, one for one: places stay the same."""
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_HETU: Final = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_FAMILY: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁"
    "任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴"
)
"""The most frequent family names: after a key word a name begins with one."""
_ZH_NAME: Final = f"[{_FAMILY}][\u4e00-\u9fff]{{1,2}}"
_PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_EN_NAME: Final = r"[A-ZÅÄÖ][\w'’\-]+(?:[ ][A-ZÅÄÖ][\w'’\-]+){0,2}"
_DIGIT: Final = r"(?<![\dA-Za-z])"


def _resident(text: str) -> bool:
    digits = re.sub(r"[ \-]", "", text).upper()
    total = sum(int(each) * weight for each, weight in zip(digits, _WEIGHTS, strict=False))
    return len(digits) == 18 and "10X98765432"[total % 11] == digits[-1]


def _hetu(text: str) -> bool:
    number = int(text[:6] + text[7:10])
    return _HETU[number % 31] == text[10].upper()


def _iban(text: str) -> bool:
    plain = re.sub(r"[ \-]", "", text).upper()
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _luhn(text: str) -> bool:
    digits = [int(each) for each in text if each.isdigit()][::-1]
    doubled = sum(sum(divmod(2 * each, 10)) for each in digits[1::2])
    return 13 <= len(digits) <= 19 and (sum(digits[::2]) + doubled) % 10 == 0


def _always(_: str) -> bool:
    return True


_FORMS: Final[Mapping[Kind, tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]]] = {
    "email": (
        (re.compile(r"[A-Za-z0-9._%+\-]+ ?(?:@|\(at\)|\[at\]) ?"
                    r"[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"), _always),
    ),
    "resident_id": (
        (re.compile(_DIGIT + r"[1-9]\d{5}[ \-]?\d{8}[ \-]?\d{3}[\dXx](?![\dA-Za-z])"), _resident),
    ),
    "hetu": (
        (re.compile(_DIGIT + r"[0-3]\d[01]\d{3}[+\-A-FU-Ya-fu-y]\d{3}[0-9A-Ya-y](?![\dA-Za-z])"),
         _hetu),
    ),
    "iban": (
        (re.compile(r"(?<![\dA-Za-z])[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{4}){2,7}"
                    r"(?:[ \-]?[A-Z0-9]{1,3})?(?![\dA-Za-z])"), _iban),
    ),
    "card": ((re.compile(_DIGIT + r"\d(?:[ \-]?\d){12,18}(?![\dA-Za-z])"), _luhn),),
    "phone": (
        (re.compile(_DIGIT + r"(?:\+?86[ \-]?)?1[3-9]\d(?:[ \-]?\d{4}){2}(?!\d)"), _always),
        (re.compile(r"(?<![\d\w])(?:\+|00)[1-9][\d ()\-]{6,18}\d(?!\d)"), _always),
        (re.compile(_DIGIT + r"\(?0[1-9]\d{0,2}\)?[ \-]?\d{3,4}[ \-]?\d{2,4}"
                    r"(?:[ \-]?\d{2})?(?![\d.])"), _always),
        (re.compile(_DIGIT + r"400[ \-]?\d{3}[ \-]?\d{4}(?!\d)"), _always),
    ),
    "plate": (
        (re.compile(rf"[{_PROVINCES}][A-Z][·• \-]?[A-Z0-9]{{4,6}}[挂学警港澳]?"), _always),
        (re.compile(r"(?<![\dA-Za-z])[A-ZÅÄÖ]{2,3}-\d{1,3}(?![\dA-Za-z\-])"), _always),
    ),
    "name": (
        (re.compile(rf"(?:我叫|名叫|叫做|他叫|她叫|我是|姓名|联系人|业主|户主|报告人)"
                    rf"[是为: ]{{0,2}}(?P<name>{_ZH_NAME})"), _always),
        (re.compile(rf"(?P<name>[{_FAMILY}][\u4e00-\u9fff]{{0,2}})"
                    r"(?:先生|女士|小姐|太太|大爷|阿姨|医生|老师)"), _always),
        (re.compile(rf"(?i:\b(?:my name is|name is|name:|named|called|contact:|contact person:?|"
                    rf"ask for|owner:?))[ ]+(?P<name>{_EN_NAME})"), _always),
        (re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Dr)\.? (?P<name>{_EN_NAME})"), _always),
        (re.compile(r"\b(?:I am|I'm|I’m|This is) "
                    r"(?P<name>[A-ZÅÄÖ][\w'’\-]+(?: [A-ZÅÄÖ][\w'’\-]+)+)"), _always),
    ),
}  # fmt: skip
"""By kind: forms, each with what must hold of a find. Earlier kinds go first where they overlap."""


def find(text: str, kinds: tuple[Kind, ...] = KINDS) -> list[Span]:
    """What is found, in order and without overlaps. Never raises for what a resident may write."""
    plain = text.translate(_PLAIN)
    taken: list[Span] = []
    for kind, forms in _FORMS.items():
        if kind in kinds:
            for span in _matches(plain, kind, forms):
                if all(span.end <= each.start or each.end <= span.start for each in taken):
                    taken.append(span)
    return sorted(taken)


def _matches(
    text: str, kind: Kind, forms: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...]
) -> Iterator[Span]:
    for pattern, holds in forms:
        for match in pattern.finditer(text):
            if holds(match[0]):
                part = "name" if "name" in pattern.groupindex else 0
                yield Span(match.start(part), match.end(part), kind)


def redact(text: str, kinds: tuple[Kind, ...] = KINDS) -> str:
    """The text with a gap for everything that was found. A repeat changes nothing more."""
    parts: list[str] = []
    at = 0
    for span in find(text, kinds):
        parts += [text[at : span.start], GAP]
        at = span.end
    return "".join([*parts, text[at:]])


__all__ = ["GAP", "KINDS", "Kind", "Span", "find", "redact"]
