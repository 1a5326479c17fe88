"""Every setting is documented, typed and reachable; what is unknown is refused."""

from dataclasses import fields
from pathlib import Path

import pytest

from tocsin.app.settings import OTHER_VARIABLES, PREFIX, SETTINGS, Settings, SettingsError, load


def test_every_setting_says_what_it_does_in_both_languages() -> None:
    assert [setting.name for setting in SETTINGS] == [each.name for each in fields(Settings)]
    for setting in SETTINGS:
        assert setting.doc.endswith("."), setting.name
        assert setting.doc_zh.endswith("。"), setting.name
        assert setting.variable == PREFIX + setting.name.upper()
        assert setting.kind
        named_units = {"_s": "s", "_ms": "ms", "_h": "h", "_bytes": "bytes", "_pixels": "pixels"}
        for ending, unit in named_units.items():
            if setting.name.endswith(ending):
                assert setting.unit == unit, setting.name


def test_defaults_come_out_unchanged_from_every_source(tmp_path: Path) -> None:
    """Each default, written as text in the environment, is read as itself."""
    for setting in SETTINGS:
        value = setting.default
        text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        got = load({}, {setting.variable: text})
        assert getattr(got, setting.name) == value, setting.name
        assert getattr(load({setting.name: value}, {}), setting.name) == value, setting.name
    assert load({}, {}) == Settings()


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text('port = 1000\nhost = "::"\nmap = "maps/town.osm.pbf"\nlog_level = "error"\n')
    environ = {"TOCSIN_PORT": "2000", "TOCSIN_LOG_LEVEL": "warning", "HOME": "/nowhere"}
    settings = load({"port": 3000, "pack": None}, environ, file)
    assert settings.port == 3000
    assert settings.log_level == "warning"
    assert settings.host == "::"
    assert settings.pack == "county"
    assert settings.map == tmp_path / "maps/town.osm.pbf"
    assert load({}, {"TOCSIN_CONFIG": str(file)}).port == 1000


@pytest.mark.parametrize(
    ("argv", "environ", "toml", "words"),
    [
        ({}, {"TOCSIN_PROT": "1"}, "", "unknown setting TOCSIN_PROT in the environment; "
         "the nearest known one is TOCSIN_PORT"),
        ({}, {"TOCSIN_port": "1"}, "", "TOCSIN_PORT"),
        ({}, {}, "hosst = 'x'", "the nearest known one is host"),
        ({}, {}, "[web]\nport = 1", "unknown setting web"),
        ({"prt": 1}, {}, "", "unknown setting --prt in the command line"),
        ({}, {"TOCSIN_PORT": "many"}, "", "setting TOCSIN_PORT in the environment: Expected `int`"),
        ({}, {"TOCSIN_PORT": "65536"}, "", "<= 65535"),
        ({}, {"TOCSIN_PORT": ""}, "", "Expected `int`"),
        ({}, {"TOCSIN_SESSION_IDLE_H": "12.1"}, "", "<= 12"),
        ({}, {"TOCSIN_SESSION_IDLE_H": "inf"}, "", "<= 12"),
        ({}, {"TOCSIN_SESSION_IDLE_H": "nan"}, "", ""),
        ({}, {"TOCSIN_SESSION_ABSOLUTE_H": "169"}, "", "<= 168"),
        ({}, {}, "port = '8080x'", "Expected `int`"),
        ({}, {}, "port = true", "Expected `int`"),
        ({}, {}, "body_timeout_s = 0", "> 0"),
        ({}, {"TOCSIN_LOG_LEVEL": "loud"}, "", "Invalid enum value"),
        ({}, {"TOCSIN_TRUSTED_PROXIES": "10.0.0.0/8, here"}, "", "'here' does not appear"),
        ({}, {"TOCSIN_DATA": ""}, "", "Expected a path"),
        ({}, {}, "data = 7", "Expected a path"),
        ({}, {}, "port = ", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_one_line(
    tmp_path: Path, argv: dict[str, object], environ: dict[str, str], toml: str, words: str
) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text(toml)
    with pytest.raises(SettingsError) as refusal:
        load(argv, environ, file)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    chinese = refusal.value.message("zh-CN")
    assert "设置" in chinese
    assert "{" not in chinese


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load({}, {}, tmp_path / "none.toml")


def test_a_password_is_neither_shown_nor_repeated() -> None:
    canary = "canary-5d1e"
    settings = load({}, {"TOCSIN_DATABASE_URL": f"postgresql://tocsin:{canary}@db/tocsin"})
    assert canary in settings.database_url
    assert canary not in repr(settings)
    with pytest.raises(SettingsError) as refusal:
        load({}, {"TOCSIN_DATABASE_URL": f"mysql://tocsin:{canary}@db/tocsin"})
    assert canary not in str(refusal.value)


def test_variables_that_are_no_settings_are_left_alone() -> None:
    environ = dict.fromkeys(OTHER_VARIABLES, "")
    assert load({}, environ) == Settings()
