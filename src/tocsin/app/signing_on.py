"""The provider of identities that the settings name, and its secret from where it stands."""

from __future__ import annotations

from urllib.parse import urlsplit

from tocsin.app.settings import Settings
from tocsin.app.settings_error import SettingsError
from tocsin.runtime.outgoing import Outgoing
from tocsin.runtime.ports import Clock
from tocsin.web.accounts import Accounts
from tocsin.web.sign_on import SignOn, SignOnOptions


def sign_on_of(
    settings: Settings, accounts: Accounts, outgoing: Outgoing | None, clock: Clock
) -> SignOn | None:
    """None when no provider is named. Raises SettingsError for half of what it needs."""
    if not settings.sign_on_issuer or outgoing is None:
        return None
    for name in ("sign_on_client", "public_url"):
        if not getattr(settings, name):
            raise SettingsError("bad_value", key=name, source="sign_on_issuer", detail="needed")
    options = SignOnOptions(
        issuer=settings.sign_on_issuer,
        client=settings.sign_on_client,
        redirect=settings.public_url.rstrip("/") + "/api/sign-on/return",
        secret=secret_of(settings),
        name=settings.sign_on_name or (urlsplit(settings.sign_on_issuer).hostname or ""),
        hosts=settings.sign_on_hosts,
        strengths=settings.sign_on_strengths,
        left=settings.public_url.rstrip("/") + "/console/",
    )
    return SignOn(options, accounts, outgoing, clock)


def secret_of(settings: Settings) -> str:
    """The node's secret at the provider; "" for a client without one. A file that is named and
    can not be read stops the node: it would sign on nobody, and say so to each."""
    if settings.sign_on_secret_file is None:
        return settings.sign_on_secret
    try:
        return settings.sign_on_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        shown = error.strerror if isinstance(error, OSError) else "not text"
        raise SettingsError(
            "unreadable", key=str(settings.sign_on_secret_file), detail=str(shown)
        ) from None
