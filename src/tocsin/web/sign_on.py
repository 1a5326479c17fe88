"""Signing on at the town's own provider of identities: OpenID Connect, code flow with PKCE.

Sources: OpenID Connect Core 1.0 (3.1), RFC 7636 (PKCE, S256 only), RFC 9207 (the issuer in the
answer), RFC 9700 (best practice). Who the provider calls `sub` signs in to the one account that an
administrator, or the account itself in a fresh session, tied to it. No account is made here and
none is found by an e-mail address: who controls a mailbox, or a provider's form, is nobody yet.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import (
    create_s256_code_challenge,  # pyright: ignore[reportUnknownVariableType]
)
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tocsin.kernel.shared import ActorId, Instant, Refused
from tocsin.runtime.accounts import Change
from tocsin.runtime.outgoing import Outgoing
from tocsin.runtime.ports import Clock
from tocsin.runtime.sign_in import Challenge, Identity, is_safe_address
from tocsin.web.accounts import Accounts, SignedIn
from tocsin.web.tokens import TOKEN_BYTES, token_hash

log = structlog.get_logger("tocsin.sign_on")

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Signatures with a public key. Never `none`, and no shared secret: a public key taken for one is
the oldest trick of all."""
KEPT: Final = timedelta(minutes=5)
"""How long a provider's words and keys are believed: a key it withdrew is refused after that."""
ROLL_EVERY: Final = timedelta(seconds=10)
"""A key that is not known is asked for at most this often: made-up names flood nobody."""
LEEWAY_S: Final = 60
"""How far a provider's clock may be off ours."""
ANSWER_BYTES: Final = 256_000
"""A provider's longest honest answer, a set of keys with certificates, has some tens of kB."""
ASK_S: Final = 10.0
"""Somebody waits before the sign-in page meanwhile."""
SUBJECT_MAX: Final = 255
"""The longest `sub` that OpenID Connect Core (2) allows."""


@dataclass(frozen=True, slots=True)
class SignOnOptions:
    """The provider that the operator names. `redirect` is this node's own address for answers."""

    issuer: str
    client: str
    redirect: str
    secret: str = field(default="", repr=False)
    name: str = ""
    hosts: tuple[str, ...] = ()
    """Other hosts than the issuer's on which it may have its endpoints."""
    strengths: tuple[str, ...] = ()
    """Classes of authentication (`acr`) of which the provider must have done one; none: any."""
    left: str = ""
    """Where the provider sends a browser back to that it has signed out."""


class SignOnFailed(Exception):
    """The provider could not be asked, or said what is not believed. `why` is for the log: a word
    of ours, nothing of the answer."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Metadata(msgspec.Struct):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False
    code_challenge_methods_supported: tuple[str, ...] | None = None
    end_session_endpoint: str = ""


class _Tokens(msgspec.Struct):
    id_token: str
    token_type: str
    access_token: str = ""


class _Remembered(msgspec.Struct):
    """What a sign-on under way must find again; in the store, under the hash of its state."""

    issuer: str
    nonce: str
    verifier: str
    browser: str


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the token of the cookie that must come back with the answer."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Tied:
    """The provider's person is tied to the account that asked for it."""

    account: ActorId


class SignOn:
    """The flow for one provider."""

    def __init__(
        self, options: SignOnOptions, accounts: Accounts, outgoing: Outgoing, clock: Clock
    ) -> None:
        self.options = options
        self._accounts = accounts
        self._outgoing = outgoing
        self._clock = clock
        self._metadata: tuple[Instant, _Metadata] | None = None
        self._keys: tuple[Instant, KeySet] | None = None

    async def begin(self, tie_to: ActorId | None = None) -> Begun:
        """A sign-on, or with `tie_to` the tying of the provider's person to that account. Raises
        SignOnFailed."""
        metadata = await self._known()
        state, nonce, token = (secrets.token_urlsafe(TOKEN_BYTES) for _ in range(3))
        verifier = secrets.token_urlsafe(48)
        kept = _Remembered(self.options.issuer, nonce, verifier, token_hash(token).hex())
        until = self._clock.now() + self._accounts.options.challenge_lives
        content = msgspec.json.encode(kept).decode()
        await self._accounts.store.put_challenge(
            Challenge(token_hash(state), "sign_on", tie_to, content, until)
        )
        asked = {
            "response_type": "code",
            "client_id": self.options.client,
            "redirect_uri": self.options.redirect,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        if self.options.strengths:
            asked["acr_values"] = " ".join(self.options.strengths)
        return Begun(add_params_to_uri(metadata.authorization_endpoint, list(asked.items())), token)

    async def leave(self) -> str | None:
        """Where a browser signs out at the provider too (OpenID Connect RP-Initiated Logout 1.0);
        None when it has no such place, or can not be asked: one is signed out here all the same."""
        try:
            place = (await self._known()).end_session_endpoint
        except SignOnFailed as failed:
            log.warning("sign_out_at_provider_failed", why=failed.why)
            return None
        if not place:
            return None
        asked = [("client_id", self.options.client)]
        if self.options.left:
            asked.append(("post_logout_redirect_uri", self.options.left))
        return str(add_params_to_uri(place, asked))

    async def finish(
        self,
        *,
        state: str,
        code: str,
        issuer: str | None,
        token: str | None,
        old_token: str | None,
        browser: str | None,
    ) -> SignedIn | Tied | Refused:
        """What came of the provider's answer. `token` is the cookie of the browser that began.
        Raises SignOnFailed; refuses with `identity_unknown` or `identity_taken`."""
        found = await self._accounts.store.take_challenge(token_hash(state))
        if found is None or found.kind != "sign_on" or found.expires_at <= self._clock.now():
            raise SignOnFailed("state")
        kept = msgspec.json.decode(found.content, type=_Remembered)
        if not token or not compare_digest(token_hash(token).hex(), kept.browser):
            raise SignOnFailed("browser")
        metadata = await self._known()
        if kept.issuer != self.options.issuer:
            raise SignOnFailed("issuer")
        if issuer is None and metadata.authorization_response_iss_parameter_supported:
            raise SignOnFailed("issuer")
        if issuer is not None and issuer != self.options.issuer:
            raise SignOnFailed("issuer")
        tokens = await self._exchange(metadata, code, kept.verifier)
        subject = await self._subject(metadata, tokens, kept.nonce)
        if found.account is not None:
            return await self.tie(subject, found.account, found.account)
        account = await self._accounts.store.by_identity(self.options.issuer, subject)
        if account is None or not account.is_active:
            return Refused("identity_unknown", "")
        return await self._accounts.open_session(account, "sign_on", old_token, browser)

    async def tie(self, subject: str, account: ActorId, by: ActorId) -> Tied | Refused:
        """Tie the provider's `subject` to an account; `identity_taken` when it has one."""
        now = self._clock.now()
        identity = Identity(self.options.issuer, subject, account, now)
        change = Change(now, by, "identity_tied", account)
        done = await self._accounts.store.put_identity(identity, change)
        return Tied(account) if done else Refused("identity_taken", "")

    # -- asking the provider -----------------------------------------------------------

    async def _known(self) -> _Metadata:
        now = self._clock.now()
        if self._metadata is not None and now - self._metadata[0] < KEPT:
            return self._metadata[1]
        url = self.options.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = self._read(await self._ask("GET", url), _Metadata)
        if found.issuer != self.options.issuer:
            raise SignOnFailed("issuer")
        used = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
        for each in (*used, *filter(None, (found.end_session_endpoint,))):
            if not is_safe_address(each, self.options.issuer):
                raise SignOnFailed("not_https")
        methods = found.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise SignOnFailed("no_pkce")
        self._metadata = (now, found)
        return found

    async def _key_set(self, metadata: _Metadata, *, anew: bool) -> KeySet:
        now = self._clock.now()
        believed = ROLL_EVERY if anew else KEPT
        if self._keys is not None and now - self._keys[0] < believed:
            return self._keys[1]
        told = self._read(await self._ask("GET", metadata.jwks_uri), dict[str, Any])
        try:
            keys = KeySet.import_key_set(told)  # pyright: ignore[reportArgumentType]
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise SignOnFailed("keys") from None
        self._keys = (now, keys)
        return keys

    async def _exchange(self, metadata: _Metadata, code: str, verifier: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.options.redirect,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self.options.secret:
            # RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
            pair = f"{quote(self.options.client, safe='')}:{quote(self.options.secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = self.options.client
        body = urlencode(form).encode()
        tokens = self._read(
            await self._ask("POST", metadata.token_endpoint, headers=headers, content=body), _Tokens
        )
        if tokens.token_type.lower() != "bearer":
            raise SignOnFailed("token_type")
        return tokens

    async def _subject(self, metadata: _Metadata, tokens: _Tokens, nonce: str) -> str:
        """Who the ID token is about, once everything about it holds."""
        keys = await self._key_set(metadata, anew=False)
        try:
            header = jws.extract_compact(tokens.id_token.encode()).headers()
            if header.get("alg") not in ALGORITHMS:
                raise SignOnFailed("algorithm")
            if header.get("kid") not in {key.kid for key in keys.keys}:
                keys = await self._key_set(metadata, anew=True)
            if "kid" in header and header["kid"] not in {key.kid for key in keys.keys}:
                raise SignOnFailed("key")
            read = jwt.decode(tokens.id_token, keys, algorithms=list(ALGORITHMS))
            one = {"essential": True, "value": self.options.issuer}
            claims = CodeIDToken(
                read.claims,
                read.header,
                {"iss": one, "aud": {"essential": True, "value": self.options.client}},
                {
                    "nonce": nonce,
                    "client_id": self.options.client,
                    "access_token": tokens.access_token,
                },
            )
            claims.validate(  # pyright: ignore[reportUnknownMemberType]
                now=int(self._clock.now().timestamp()), leeway=LEEWAY_S
            )
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise SignOnFailed("token") from None
        if self.options.strengths and read.claims.get("acr") not in self.options.strengths:
            raise SignOnFailed("strength")
        subject: object = read.claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
            raise SignOnFailed("subject")
        return subject

    async def _ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, content: bytes = b""
    ) -> bytes:
        host = urlsplit(self.options.issuer).hostname or ""
        try:
            answer = await self._outgoing.ask(
                method,
                url,
                hosts=(host, *self.options.hosts),
                headers={"accept": "application/json", **(headers or {})},
                content=content,
                limit=ANSWER_BYTES,
                timeout_s=ASK_S,
            )
        except (OSError, TimeoutError):
            raise SignOnFailed("unreachable") from None
        if answer.status != 200:
            raise SignOnFailed("refused")
        return answer.body

    def _read(self, body: bytes, kind: Any) -> Any:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
            raise SignOnFailed("answer") from None


def _challenge(verifier: str) -> str:
    made: object = create_s256_code_challenge(verifier)  # pyright: ignore[reportUnknownVariableType]
    return str(made)  # pyright: ignore[reportUnknownArgumentType]
