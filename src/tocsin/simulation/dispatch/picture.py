"""A comparison as a picture: one row for each measure, the difference and its interval, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from tocsin.simulation.dispatch.compare import Paired

WIDTH: Final = 900
LEFT: Final = 380
ROW: Final = 22
TOP: Final = 56
SHOWN: Final = (
    "late_share", "response_mean_s", "response_p90_s", "low_delay_mean_s", "low_late_share",
    "wait_mean_s", "road_mean_s", "response_p90_s/",
)  # fmt: skip
"""The measures that are drawn, and every area's 90th percentile."""


def picture_of(
    paired: Sequence[Paired], title: str, label: Callable[[str], str], head: Callable[[Paired], str]
) -> str:
    """The whole picture. Differences are in percent of the base; an interval that leaves out 0 is
    dark, one that does not is pale."""
    rows: list[Paired | str] = []
    for each in paired:
        if not _is_shown(each):
            continue
        if not rows or head(each) not in rows:
            rows.append(head(each))
        rows.append(each)
    reach = max((_reach(each) for each in rows if not isinstance(each, str)), default=1.0)
    height = TOP + ROW * (len(rows) + 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="26" font-size="16" fill="#1a1a1a">{escape(title)}</text>',
        *_scale(reach, height),
    ]
    for at, each in enumerate(rows):
        y = TOP + ROW * at + ROW / 2
        lines += [_heading(each, y)] if isinstance(each, str) else _row(each, y, reach, label)
    return "\n".join([*lines, "</svg>", ""])


def _is_shown(each: Paired) -> bool:
    name, _, area = each.measure.partition("/")
    return each.base > 0 and (f"{name}/" in SHOWN if area else name in SHOWN)


def _reach(each: Paired) -> float:
    return max(abs(value) / each.base for value in (each.low, each.high, each.difference))


def _x(share: float, reach: float) -> float:
    middle = (LEFT + WIDTH - 90) / 2
    return middle + share / reach * (WIDTH - 90 - LEFT) / 2


def _scale(reach: float, height: int) -> list[str]:
    found: list[str] = []
    for share in (-reach, -reach / 2, 0.0, reach / 2, reach):
        x, colour = _x(share, reach), "#555555" if share == 0 else "#dddddd"
        found.append(
            f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{height - 8}" stroke="{colour}"/>'
        )
        found.append(
            f'<text x="{x:.1f}" y="{TOP - 10}" text-anchor="middle" fill="#555555">'
            f"{100 * share:+.1f} %</text>"
        )
    return found


def _heading(text: str, y: float) -> str:
    return f'<text x="12" y="{y + 4:.1f}" font-weight="bold" fill="#1a1a1a">{escape(text)}</text>'


def _row(each: Paired, y: float, reach: float, label: Callable[[str], str]) -> list[str]:
    colour = "#9aa5b1" if not each.is_clear else "#0b6e4f" if each.difference < 0 else "#a4262c"
    low, high, middle = (
        _x(value / each.base, reach) for value in (each.low, each.high, each.difference)
    )
    return [
        f'<text x="{LEFT - 12}" y="{y + 4:.1f}" text-anchor="end" fill="#1a1a1a">'
        f"{escape(label(each.measure))}</text>",
        f'<line x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}" stroke="{colour}" '
        'stroke-width="3"/>',
        f'<circle cx="{middle:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>',
        f'<text x="{WIDTH - 12}" y="{y + 4:.1f}" text-anchor="end" fill="{colour}">'
        f"{100 * each.difference / each.base:+.1f} %</text>",
    ]
