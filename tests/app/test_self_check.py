"""The self-check, the refusal of secrets that everybody knows, and where secrets may come from."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tocsin.app.cli import main
from tocsin.app.secrecy import (
    EXAMPLES,
    ExampleSecret,
    is_example,
    places,
    refuse_examples,
    secrets_in,
)
from tocsin.app.self_check import WORDS, findings, listeners, report
from tocsin.app.settings import Settings
from tocsin.app.ways_in import intake_tables
from tocsin.runtime.intake_settings import Tables

ROOT = Path(__file__).parents[2]
CANARY = "Kanarie-b7e21f90aa"
GOOD = f"""
[sia-dc09]
port = 9009
[[sia-dc09.account]]
account = "0123"
key = "{CANARY.encode().hex()[:32]}"
[[signed-json.sender]]
name = "lifts"
secret = "{CANARY}-of-the-lifts-of-the-town"
[mqtt]
tls_port = 8883
certificate = "/nowhere/cert.pem"
key = "/nowhere/key.pem"
[[mqtt.broker]]
name = "town"
host = "broker.example"
subscribe = ["a/#"]
user = "tocsin"
password = "{CANARY}-broker"
"""


def settings_with(folder: Path, intakes: str = "", **more: object) -> Settings:
    if intakes:
        (folder / "intakes.toml").touch(0o600)
        (folder / "intakes.toml").write_text(intakes)
    return Settings(data=folder, **more)  # type: ignore[arg-type]


def codes(settings: Settings, tables: Tables, user: int = 1_000) -> list[str]:
    kept = places(settings, {}, None)
    return [each.code for each in findings(settings, tables, kept, user) if each.is_unsafe]


def test_one_port_by_default_and_others_only_when_they_are_set(tmp_path: Path) -> None:
    plain = settings_with(tmp_path)
    assert [(each.what, each.port) for each in listeners(plain, intake_tables(plain))] == [
        ("http", 8080)
    ]
    full = settings_with(tmp_path, GOOD)
    found = [(each.what, each.port, each.kind) for each in listeners(full, intake_tables(full))]
    assert found == [
        ("http", 8080, "tcp"),
        ("mqtt", 1883, "tcp"),
        ("mqtt", 8883, "tcp"),
        ("sia-dc09", 9009, "tcp"),
        ("sia-dc09", 9009, "udp"),
    ]


def test_whoever_opens_a_port_says_so() -> None:
    """An intake that listens and is not listed would be a door that nobody counts."""
    opens, tells = set(), set()
    folder = ROOT / "src" / "tocsin" / "intakes"
    for path in folder.glob("*/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "attr", "")
            if name in ("create_server", "start_server", "create_datagram_endpoint"):
                opens.add(path.parent.name)
            if isinstance(node, ast.FunctionDef) and node.name == "listens":
                tells.add(path.parent.name)
    assert opens == tells != set()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"host": "0.0.0.0"}, "plain_http"),
        ({"host": "::"}, "plain_http"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, "all_proxies"),
        ({"outgoing_networks": ("0.0.0.0/0",)}, "wide_calls"),
        ({"outgoing_networks": ("169.254.169.254/32",)}, "wide_calls"),
        ({"database_url": "postgresql://t:x9-long-one@db.example/t"}, "plain_database"),
        ({"database_url": "postgresql://t:postgres@127.0.0.1/t"}, "example"),
    ],
)
def test_what_is_unsafe_is_found(tmp_path: Path, more: dict[str, object], code: str) -> None:
    assert code in codes(settings_with(tmp_path, **more), {})


def test_a_node_as_it_comes_is_safe(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert codes(settings_with(tmp_path), {}) == []
    behind = settings_with(tmp_path, host="0.0.0.0", public_url="https://town.example")
    assert codes(behind, {}) == []
    tls = "postgresql://t:x9-long-one@db.example/t?sslmode=verify-full"
    assert codes(settings_with(tmp_path, database_url=tls), {}) == []


def test_files_and_folders_that_others_may_use_are_found(tmp_path: Path) -> None:
    (tmp_path / "vault.key").touch(0o644)
    (tmp_path / "vault.key").chmod(0o644)
    tmp_path.chmod(0o777)
    assert codes(settings_with(tmp_path), {}) == ["open_file", "open_folder"]
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "value",
    ["changeme", "Postgres", "31323334353637383930414243444546", "1234567890ABCDEF",
     "at-least-24-characters-of-chance", "AT-LEAST-24-CHARACTERS-OF-CHANCE", "0" * 32,
     "abababababababab", "please-change-me-to-something", "this-is-an-example-secret-of-24"],
)  # fmt: skip
def test_what_everybody_knows_is_no_secret(value: str) -> None:
    assert is_example(value)


@pytest.mark.parametrize(
    "value", [CANARY, "9f86d081884c7d659a2feaa0c55ad015", "sieben graue Pferde"]
)
def test_what_has_chance_in_it_is_one(value: str) -> None:
    assert not is_example(value)


def test_every_secret_of_our_own_pages_is_refused() -> None:
    """Whoever copies a line of a guide and changes nothing gets no lock with a printed key."""
    pages = [*ROOT.glob("docs/guides/*.md"), *ROOT.glob("src/tocsin/intakes/*/README.md")]
    line = re.compile(r'^\s*(?:key|secret|password) = "([^"]+)"', re.MULTILINE)
    found = [each for page in pages for each in line.findall(page.read_text(encoding="utf-8"))]
    # Short keys are names of events in examples of messages; paths name files.
    shown = [each for each in found if len(each) >= 16 and each[0] != "/" and "…" not in each]
    assert len(shown) >= 4
    assert [each for each in shown if not is_example(each)] == []
    assert all(each == each.casefold() for each in EXAMPLES)


@pytest.mark.parametrize("place", ["account", "sender", "broker", "database"])
def test_a_node_does_not_start_with_an_example(
    tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    text = {
        "account": '[sia-dc09]\n[[sia-dc09.account]]\naccount = "1"\n'
        'key = "31323334353637383930414243444546"\n',
        "sender": '[[signed-json.sender]]\nname = "a"\n'
        'secret = "at-least-24-characters-of-chance"\n',
        "broker": '[mqtt]\nlisten = false\n[[mqtt.broker]]\nname = "t"\nhost = "b"\n'
        'subscribe = ["a"]\nuser = "a"\npassword = "password"\n',
        "database": "",
    }[place]
    settings_with(tmp_path, text)
    if place == "database":
        monkeypatch.setenv("TOCSIN_DATABASE_URL", "postgresql://t:changeme@127.0.0.1:1/t")
    assert main(["serve", "--data", str(tmp_path), "--port", "0"]) == 2
    said = capsys.readouterr().err
    assert "everybody knows" in said or "人尽皆知" in said
    assert not (tmp_path / "postgres").exists(), "nothing was begun"
    assert main(["self-check", "--data", str(tmp_path)]) == 1


def test_a_secret_is_not_taken_as_an_argument(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://tocsin:{CANARY}@127.0.0.1/tocsin"
    for verb in ("serve", "self-check", "verify"):
        assert main([verb, "--data", str(tmp_path), "--database-url", url]) == 2
        said = capsys.readouterr()
        assert "TOCSIN_DATABASE_URL" in said.err and CANARY not in said.err + said.out


def test_the_report_shows_places_and_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    settings_with(tmp_path, GOOD)
    (tmp_path / "vault.key").touch(0o600)
    (tmp_path / "vault.key").write_text(CANARY)
    monkeypatch.setenv("TOCSIN_DATABASE_URL", f"postgresql://t:{CANARY}@127.0.0.1/t")
    for lang in ("en_US.UTF-8", "zh_CN.UTF-8"):
        monkeypatch.setenv("LANG", lang)
        assert main(["self-check", "--data", str(tmp_path)]) == 1, "panels and MQTT in clear"
        said = capsys.readouterr().out
        assert CANARY not in said and CANARY.encode().hex()[:32] not in said
        assert "vault.key  0600" in said and "udp 0.0.0.0:9009" in said
        assert "TOCSIN_DATABASE_URL" in said


def test_every_secret_of_the_tables_is_seen(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, GOOD)
    tables = intake_tables(settings)
    found = dict(secrets_in(tables))
    assert len(found) == 3 and all(CANARY in each or len(each) == 32 for each in found.values())
    refuse_examples(settings, tables)
    broken = GOOD.replace(f"{CANARY}-broker", "guest")
    with pytest.raises(ExampleSecret) as told:
        refuse_examples(settings, intake_tables(settings_with(tmp_path, broken)))
    assert "broker" in told.value.message("en") and "guest" not in told.value.message("zh-CN")


def test_the_words_are_whole_in_both_languages(tmp_path: Path) -> None:
    assert all(len(each) == 2 and all(each) and "!" not in "".join(each) for each in WORDS.values())
    settings = settings_with(tmp_path)
    for language in ("en", "zh"):
        lines = list(report(settings, {}, places(settings, {}, None), [], language))
        assert lines[0] == WORDS["listens"][language == "zh"]
