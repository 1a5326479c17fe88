"""A small provider of identities on a real socket: code flow, PKCE, rolling keys, lies on ask."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.web.house import running
from tocsin.kernel.shared import Instant

CLIENT, SECRET = "tocsin-node", "s3cret:with/odd&signs"


@dataclass
class Provider:
    """Whoever asks is `subject`, signed on already. `lie` names one thing that it does wrong."""

    now: Callable[[], Instant]
    url: str = ""
    subject: str = "248289761001"
    lie: str = ""
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    stolen: RSAKey | None = None
    asked: list[str] = field(default_factory=list[str])
    keys: list[RSAKey] = field(default_factory=list[RSAKey])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def roll(self) -> None:
        """A new key; the old one is withdrawn."""
        self.keys = [RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.about),
                Route("/jwks", self.jwks),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
            ]
        )

    async def about(self, request: Request) -> Response:
        self.asked.append("about")
        issuer = "https://other.example" if self.lie == "about" else self.url
        plain = "http://elsewhere.example/token" if self.lie == "plain" else f"{self.url}/token"
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": plain,
                "jwks_uri": f"{self.url}/jwks",
                "end_session_endpoint": f"{self.url}/leave",
                "code_challenge_methods_supported": ["plain"] if self.lie == "pkce" else ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def jwks(self, request: Request) -> Response:
        self.asked.append("jwks")
        return JSONResponse({"keys": [each.as_dict(private=False) for each in self.keys]})

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        assert asked["scope"] == "openid", "no name, no e-mail is asked for"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url}
        if self.lie == "mixed":
            back["iss"] = "https://other.example"
        if self.lie == "no_iss":
            del back["iss"]
        return RedirectResponse(add_params_to_uri(asked["redirect_uri"], list(back.items())), 302)

    async def token(self, request: Request) -> Response:
        self.asked.append("token")
        sent = {name: each[0] for name, each in parse_qs((await request.body()).decode()).items()}
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        if (scheme, unquote(name), unquote(secret)) != ("Basic", CLIENT, SECRET):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(sent["code"], None)
        proof = create_s256_code_challenge(sent["code_verifier"])
        if asked is None or proof != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        assert sent["redirect_uri"] == asked["redirect_uri"]
        told = self.id_token(asked["nonce"])
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": told})

    def id_token(self, nonce: str) -> str:
        now = int(self.now().timestamp())
        claims = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.keys[0]
        header = {"alg": "RS256", "kid": key.kid}
        match self.lie:
            case "none":
                head = {"alg": "none", "kid": key.kid}
                return ".".join((_part(head), _part(claims), ""))
            case "shared":
                # The public key taken for a shared secret: it is known to everybody.
                secret = OctKey.import_key(key.as_pem(private=False))
                return jwt.encode({**header, "alg": "HS256"}, claims, secret, algorithms=["HS256"])
            case "forged":
                other = RSAKey.generate_key(2048, {"kid": key.kid})
                return jwt.encode(header, claims, other)
            case "withdrawn":
                assert (old := self.stolen) is not None
                return jwt.encode({"alg": "RS256", "kid": old.kid}, claims, old)
            case _:
                return jwt.encode(header, claims, key)


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def provider(now: Callable[[], Instant]) -> AsyncIterator[Provider]:
    """The provider at work."""
    made = Provider(now)
    made.roll()
    async with running(made.app()) as url:  # pyright: ignore[reportArgumentType]
        made.url = url
        yield made
