"""What the settings say about the web rim and about signing in."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network

from tocsin.app.settings import Settings
from tocsin.web.options import AccountOptions, WebOptions


def web_options(settings: Settings) -> WebOptions:
    """Addresses and limits of the rim."""
    return WebOptions(
        public_url=settings.public_url,
        trusted_proxies=tuple(ip_network(each) for each in settings.trusted_proxies),
        passkey_host=settings.passkey_host,
        sign_in_networks=tuple(ip_network(each) for each in settings.sign_in_networks),
        body_limit=settings.max_body_bytes,
    )


def account_options(settings: Settings, speed: float) -> AccountOptions:
    """How accounts are kept; spans are those of a clock that runs `speed` times as fast."""
    plain = AccountOptions()
    return AccountOptions(
        argon2_pool=settings.argon2_pool,
        session_idle=timedelta(hours=settings.session_idle_h) * speed,
        session_absolute=timedelta(hours=settings.session_absolute_h) * speed,
        fresh_for=plain.fresh_for * speed,
        challenge_lives=plain.challenge_lives * speed,
        password_words=(*plain.password_words, *settings.password_words),
        breached_passwords=settings.breached_passwords,
    )


__all__ = ["account_options", "web_options"]
