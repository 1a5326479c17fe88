"""What may be a password."""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from tests.web.test_accounts import GOOD
from tocsin.app.settings_sign_in import check_sign_in
from tocsin.web.password_rules import LENGTH_MIN, is_listed, weakness

ABOUT = ("boss", "Anna Mäkinen", "tocsin", "Helsinki")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        (GOOD, None),
        ("登录密码需要十二个字符以上", None),
        ("short", "length"),
        ("x" * 300, "length"),
        ("aaaaaaaaaaaaaaaa", "guessed"),
        ("qwertyuiop12", "guessed"),
        ("boss-boss-boss-boss", "login"),
        ("Helsinki-2026", "guessed"),
        ("tocsin-helsinki", "guessed"),
        ("annamäkinen1", "guessed"),
    ],
)
def test_passwords(password: str, why: str | None) -> None:
    found = weakness(password, ABOUT)
    assert (found.detail if found else None) == why


def test_none_of_the_common_ones_is_taken() -> None:
    """The first of the 30,000 that are long enough to be tried at all, and those with a year."""
    common: Sequence[str] = FREQUENCY_LISTS["passwords"]
    tried = [each for each in common if len(each) >= LENGTH_MIN][:3_000]
    assert len(tried) > 50
    tried += [f"{each}{year}" for each in common[:400] for year in (1999, 2026)]
    tried = [each for each in tried if len(each) >= LENGTH_MIN]
    assert [each for each in tried if weakness(each) is None] == []


def _written(path: Path, passwords: Sequence[str]) -> Path:
    hashes = sorted(sha1(each.encode()).hexdigest().upper() for each in passwords)
    path.write_text("".join(f"{each}:{len(each)}\n" for each in hashes))
    return path


def test_what_is_on_the_list_of_stolen_ones_is_refused(tmp_path: Path) -> None:
    stolen = [f"{GOOD} {number}" for number in range(2_000)]
    path = _written(tmp_path / "stolen", stolen)
    found = weakness(stolen[1_234], ABOUT, path)
    assert found is not None and found.reason == "password_breached"
    assert weakness(GOOD, ABOUT, path) is None
    assert all(is_listed(each, path) for each in stolen)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
def test_every_line_of_a_small_list_is_found(tmp_path: Path, size: int) -> None:
    rng = random.Random(size)
    told = [f"{rng.random()}" for _ in range(size)]
    path = _written(tmp_path / "stolen", told)
    assert all(is_listed(each, path) for each in told)
    assert not any(is_listed(f"{rng.random()}", path) for _ in range(50))


def test_a_list_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="file"):
        check_sign_in("breached_passwords", tmp_path / "nowhere")
