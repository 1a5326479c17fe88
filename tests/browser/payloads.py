"""Two hundred texts that would run as a script wherever a page takes text for markup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MARK: Final = "hit()"
"""What every one of them calls. A page that is watched counts it."""
_LEAVES: Final = ("", '">', "'>", "</script>", "</textarea>", "</title>", "-->", "`>", "]]>",
                  "</style>")  # fmt: skip
"""Ways out of where a text may have been put."""
_RUNS: Final = (
    "<script>hit()</script>",
    "<img src=q onerror=hit()>",
    "<svg onload=hit()>",
    "<svg><script>hit()</script>",
    "<body onload=hit()>",
    "<details open ontoggle=hit()>",
    "<iframe src=javascript:parent.hit()>",
    "<a href=javascript:hit()>q</a>",
    "<input autofocus onfocus=hit()>",
    "<video src=q onerror=hit()>",
    "<math href=javascript:hit()>q",
    "<object data=javascript:hit()>",
    "<embed src=javascript:hit()>",
    "<style onload=hit()></style>",
    "<button formaction=javascript:hit()>",
    "<marquee onstart=hit()>",
    "{{constructor.constructor('hit()')()}}",
    "${hit()}",
    "&lt;img src=q onerror=hit()&gt;",
    '" autofocus onfocus=hit() q="',
)
PAYLOADS: Final = tuple(leave + run for run in _RUNS for leave in _LEAVES)
FORMULAS: Final = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", "=HYPERLINK(1)",
                   "=cmd|' /C calc'!A0")  # fmt: skip
"""What a spreadsheet would reckon with."""


def packed(limit: int, between: str = "\n") -> Iterator[str]:
    """All of them in as few texts of at most `limit` characters as hold them."""
    now = ""
    for each in PAYLOADS:
        if now and len(now) + len(between) + len(each) > limit:
            yield now
            now = ""
        now = f"{now}{between}{each}" if now else each
    yield now


WATCH: Final = """window.__hits = 0;
window.hit = () => { window.__hits += 1; };
window.__broken = [];
document.addEventListener('securitypolicyviolation', told => window.__broken.push(
  [told.effectiveDirective, told.blockedURI, told.sample, told.sourceFile].join(' ')));"""
"""Put into every page before its first line: it counts what ran and what the policy stopped."""

SHOWN: Final = """texts => {
  const values = [...document.querySelectorAll('input, textarea, option')].map(each => each.value);
  const all = [document.body.innerText, ...values].join('\\n');
  return texts.filter(each => all.includes(each)).length }"""
"""How many of them stand on a page as the words they are."""

AS_MARKUP: Final = """for (const name of ['nodeValue', 'textContent']) {
  const own = Object.getOwnPropertyDescriptor(Node.prototype, name);
  Object.defineProperty(Node.prototype, name, {...own, set(text) {
    own.set.call(this, text);
    const where = this.nodeType === 3 ? this.parentElement : this;
    if (where && /hit\\(\\)/.test(text)) { try { where.innerHTML = text } catch {} }
  } }) }"""
"""Planted into a page of the console: it takes the words that it shows for markup."""
