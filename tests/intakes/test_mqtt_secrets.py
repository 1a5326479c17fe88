"""Secrets of devices: made by the command line, known by a salted hash."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.cli import main
from tocsin.intakes.mqtt.secrets import hashed, is_hash, is_secret


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.binary(min_size=8, max_size=16))
def test_only_the_secret_is_the_secret(secret: str, other: str, salt: bytes):
    kept = hashed(secret, salt)
    assert is_hash(kept) and secret not in kept.split("$")
    assert is_secret(secret.encode(), kept)
    assert is_secret(other.encode(), kept) is (secret == other)


@pytest.mark.parametrize("text", ["", "sha256$aa$bb", "plain", "md5$" + "a" * 32 + "$" + "b" * 64])
def test_what_is_no_hash_is_refused(text: str):
    assert not is_hash(text)


def test_the_command_prints_a_secret_and_its_hash(capsys: pytest.CaptureFixture[str]):
    assert main(["mqtt", "school-3", "--language", "en"]) == 0
    told = capsys.readouterr().out
    secret = re.search(r"password ([0-9a-f]{40})", told)
    kept = re.search(r'^secret = "(.+)"$', told, re.MULTILINE)
    assert secret and kept and is_secret(secret[1].encode(), kept[1])
    assert main(["mqtt", "two words"]) == 2
