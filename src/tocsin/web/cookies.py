"""The three cookies of staff: the session, the browser that is known, and a sign-on under way.

Behind TLS their names begin with `__Host-`: a browser takes such a cookie from this very host only,
with Secure, for all paths, and no neighbour under the same domain can plant one.
"""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import Request

from tocsin.web.options import WebOptions
from tocsin.web.shell import Seen

SESSION: Final = "tocsin_session"
BROWSER: Final = "tocsin_browser"
SIGN_ON: Final = "tocsin_sign_on"
TOKEN_MAX: Final = 200
"""Characters of a token that are looked at; ours have 43."""


def is_secure(options: WebOptions, seen: Seen) -> bool:
    """Whether browsers reach the node by https."""
    return options.public_url.startswith("https://") if options.public_url else seen.is_secure


def read(request: Request, base: str, options: WebOptions, seen: Seen) -> str | None:
    """The cookie's token, under the one name that is valid here."""
    found = request.cookies.get(_named(base, is_secure(options, seen)), "")
    return found if 0 < len(found) <= TOKEN_MAX else None


def written(
    base: str,
    token: str,
    max_age_s: int,
    options: WebOptions,
    seen: Seen,
    same_site: Literal["Strict", "Lax"] = "Strict",
) -> str:
    """The header that sets it, or with an empty token and no time ends it."""
    secure = is_secure(options, seen)
    return (
        f"{_named(base, secure)}={token}; Path=/; HttpOnly; SameSite={same_site}; "
        f"Max-Age={max_age_s}" + ("; Secure" if secure else "")
    )


def _named(base: str, secure: bool) -> str:
    return f"__Host-{base}" if secure else base
