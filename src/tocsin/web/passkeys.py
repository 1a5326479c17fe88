"""Passkeys (WebAuthn level 3): registered in a fresh session, asked for without a name.

Every ceremony has a challenge of its own that is taken out of the store before anything is
checked: whatever comes of it, no answer counts twice. The user must be verified by the
authenticator (fingerprint, face, PIN: the node never sees which).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tocsin.kernel.shared import ActorId, Refused
from tocsin.runtime.accounts import Account, Change
from tocsin.runtime.sign_in import Challenge, Left, Passkey
from tocsin.web.rights import Rights
from tocsin.web.signing import SignedIn
from tocsin.web.tokens import token_hash

CHALLENGE_BYTES: Final = 32
"""Twice what WebAuthn asks for at least."""
PASSKEYS_MAX: Final = 20
"""Of one account: a laptop, a phone and a key ring for each of several places."""
_WRONG: Final = (WebAuthnException, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Party:
    """For whom passkeys are made (`id`, a host name) and where they are asked for (`origin`)."""

    id: str
    origin: str


class Passkeys(Rights):
    """Registering, signing in, naming and removing."""

    async def passkey_wish(self, account: Account, party: Party) -> dict[str, Any]:
        """What the browser needs to make a passkey (`PublicKeyCredentialCreationOptions`)."""
        known = await self.store.passkeys(account.id)
        challenge = await self._ask("register", account.id, self.options.challenge_lives)
        options = generate_registration_options(
            rp_id=party.id,
            rp_name="Tocsin",
            user_id=account.id.encode(),
            user_name=account.login,
            user_display_name=account.name,
            challenge=challenge,
            timeout=int(self.options.challenge_lives.total_seconds() * 1000),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=e.credential) for e in known],
        )
        return options_to_json_dict(options)

    async def add_passkey(
        self, account: ActorId, name: str, answer: dict[str, Any], party: Party
    ) -> Passkey | Refused:
        """The passkey of the browser's answer, or `passkey_wrong`."""
        challenge = await self._asked("register", answer)
        if challenge is None or challenge.account != account:
            return Refused("passkey_wrong", "")
        if len(await self.store.passkeys(account)) >= PASSKEYS_MAX:
            return Refused("passkeys_full", "")
        try:
            seen = verify_registration_response(
                credential=parse_registration_credential_json(answer),
                expected_challenge=base64url_to_bytes(challenge.content),
                expected_rp_id=party.id,
                expected_origin=party.origin,
                require_user_verification=True,
            )
        except _WRONG:
            return Refused("passkey_wrong", "")
        now = self._clock.now()
        made = Passkey(
            id=self._ids.new(),
            account=account,
            credential=seen.credential_id,
            public_key=seen.credential_public_key,
            sign_count=seen.sign_count,
            name=name,
            made_at=now,
        )
        done = await self.store.add_passkey(made, Change(now, account, "passkey_added", account))
        return made if done else Refused("passkey_wrong", "")

    async def passkey_question(self, party: Party, address: str) -> dict[str, Any] | Refused:
        """What the browser needs to ask its holder (`PublicKeyCredentialRequestOptions`)."""
        wait = self.slowing.wait_of_address(address)
        if wait:
            return Refused("too_many_requests", str(wait))
        challenge = await self._ask("sign_in", None, self.options.challenge_lives)
        options = generate_authentication_options(
            rp_id=party.id,
            challenge=challenge,
            timeout=int(self.options.challenge_lives.total_seconds() * 1000),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    async def passkey_sign_in(
        self, answer: dict[str, Any], party: Party, old_token: str | None, browser: str | None
    ) -> SignedIn | Refused:
        """A fresh session, or `passkey_wrong`. Signatures are not guessed: nobody is slowed."""
        challenge = await self._asked("sign_in", answer)
        if challenge is None:
            return Refused("passkey_wrong", "")
        try:
            credential = parse_authentication_credential_json(answer)
            passkey = await self.store.passkey(credential.raw_id)
            if passkey is None or credential.response.user_handle != passkey.account.encode():
                return Refused("passkey_wrong", "")
            seen = verify_authentication_response(
                credential=credential,
                expected_challenge=base64url_to_bytes(challenge.content),
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except _WRONG:
            return Refused("passkey_wrong", "")
        account = await self.store.account(passkey.account)
        if account is None or not account.is_active:
            return Refused("passkey_wrong", "")
        # The library has compared the counter with what was read; two at once are told apart here.
        if not await self.store.use_passkey(passkey.id, seen.new_sign_count, self._clock.now()):
            return Refused("passkey_wrong", "")
        return await self.open_session(account, "passkey", old_token, browser)

    async def remove_passkey(self, account: ActorId, id: str, by: ActorId) -> Left:
        """Never the last way in."""
        change = Change(self._clock.now(), by, "passkey_removed", account)
        return await self.store.remove_passkey(account, id, change)

    async def rename_passkey(self, account: ActorId, id: str, name: str) -> bool:
        """False when there is no such passkey."""
        change = Change(self._clock.now(), account, "passkey_renamed", account)
        return await self.store.rename_passkey(account, id, name, change)

    # -- challenges --------------------------------------------------------------------

    async def _ask(self, kind: str, account: ActorId | None, lives: timedelta) -> bytes:
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        text = bytes_to_base64url(challenge)
        until = self._clock.now() + lives
        named = "register" if kind == "register" else "sign_in"
        await self.store.put_challenge(Challenge(token_hash(text), named, account, text, until))
        return challenge

    async def _asked(self, kind: str, answer: dict[str, Any]) -> Challenge | None:
        """The challenge that the answer says it answers, taken out of the store."""
        try:
            told = msgspec.json.decode(
                base64url_to_bytes(answer["response"]["clientDataJSON"]), type=_ClientData
            )
        except (*_WRONG, msgspec.DecodeError):
            return None
        found = await self.store.take_challenge(token_hash(told.challenge))
        if found is None or found.kind != kind or found.expires_at <= self._clock.now():
            return None
        return found


class _ClientData(msgspec.Struct):
    challenge: str
