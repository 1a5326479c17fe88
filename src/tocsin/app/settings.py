"""What an operator may set: one table, four sources, and a refusal for what is not in it.

Sources, the later over the earlier: defaults; one TOML file; `TOCSIN_*` variables; the command
line. An unknown key is refused with the nearest known one, because a setting that is silently
ignored is a promise silently broken.
"""

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from tocsin.app.settings_error import SettingsError
from tocsin.app.settings_sign_in import check_sign_in
from tocsin.app.settings_sign_in import setting as _set
from tocsin.app.settings_watch import WatchSettings

PREFIX: Final = "TOCSIN_"
# Variables with our prefix that are no settings: where the settings are, and where tests look.
OTHER_VARIABLES: Final = frozenset(
    {
        "TOCSIN_CONFIG",
        "TOCSIN_SHARED_DATA",
        "TOCSIN_CONSOLE_DIR",
        "TOCSIN_CONSOLE",
        "TOCSIN_CHROMIUM",
    }
)

Count = Annotated[int, Meta(ge=1)]
Positive = Annotated[float, Meta(gt=0)]
Port = Annotated[int, Meta(ge=0, le=65535)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(WatchSettings):
    """All settings of one node; the promise of each stands beside it."""

    data: Path = _set(
        Path("data"),
        "folder",
        "Where the node keeps everything: database, photos, keys.",
        "节点保存全部数据的文件夹：数据库、照片、密钥。",
    )
    host: str = _set(
        "127.0.0.1",
        "address",
        "The address to listen on; 0.0.0.0 for all.",
        "监听的地址；0.0.0.0 表示全部地址。",
    )
    port: Port = _set(
        8080,
        "",
        "The port to listen on; 0 takes a free one and prints it.",
        "监听的端口；0 表示自动选择空闲端口并打印。",
    )
    database_url: str = _set(
        "",
        "URL",
        "A PostgreSQL 15 or newer; empty runs the embedded one in the data folder.",
        "PostgreSQL 15 或更高版本的地址；留空则使用数据文件夹中的内置数据库。",
        secret=True,
    )
    database_owner_url: str = _set(
        "",
        "URL",
        "The same database as the owner of its tables, where the node signs in as somebody else.",
        "同一数据库，以数据表所有者登录；仅当节点以其他账号登录时需要。",
        secret=True,
    )
    pack: str = _set(
        "county",
        "name or folder",
        "The city pack: the name of a shipped one, or a folder.",
        "城市包：随程序提供的包名，或一个文件夹。",
    )
    calendar: str = _set(
        "",
        "name",
        "Which of the pack's calendars counts here, such as finland-2026; empty takes its default.",
        "采用城市包中的哪个工作日历，例如 china-2026；留空则采用默认日历。",
    )
    map: Path | None = _set(
        None,
        "file",
        "The town's map as .osm.pbf; without it areas come from the pack alone.",
        "城镇地图（.osm.pbf）；不提供时区域仅来自城市包。",
    )
    map_build: bool = _set(
        True,
        "",
        "Whether a node with a map file makes its tiles and place search by itself, beside its "
        "other work.",
        "提供地图文件时，节点是否自行在后台生成地图切片和地点检索。",
    )
    roads: Path | None = _set(
        None,
        "folder or file",
        "The town's roads: a folder that `tocsin roads build` filled, or the .osm.pbf to make them "
        "from; empty takes the folder roads in the data folder.",
        "城镇道路：由 `tocsin roads build` 生成的文件夹，或用于生成道路的 .osm.pbf；"
        "留空则采用数据文件夹中的 roads。",
    )
    bands: Path | None = _set(
        None,
        "file",
        "Arrival bands, hours and stays that `tocsin calibrate --bands` fitted; empty takes "
        "bands.toml in the data folder, and assumptions where there is none.",
        "由 `tocsin calibrate --bands` 拟合的到达时间区间、时段与任务时长；留空则采用数据文件夹的 "
        "bands.toml，没有则采用暂定值。",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _set(
        "info", "", "The least important line that is logged.", "记录日志的最低级别。"
    )
    log_format: Literal["json", "console"] = _set(
        "json",
        "",
        "JSON lines for machines, or console for eyes.",
        "日志格式：JSON 或便于阅读的文本。",
    )
    log_lines_per_event: Count = _set(
        20,
        "lines/10 s",
        "How many lines of one kind are logged in ten seconds; the rest are counted.",
        "同一类日志每十秒最多记录的行数；其余只计数。",
    )
    vault_key_file: Path | None = _set(
        None,
        "file",
        "The vault's master key; by default vault.key in the data folder, made at first start.",
        "保险库主密钥文件；默认为数据文件夹中的 vault.key，首次启动时生成。",
    )
    seal_log: bool = _set(True, "",
        "Whether everything that is written goes into a signed log that shows later changes.",
        "是否将全部写入内容记入签名日志，以便发现事后改动。")  # fmt: skip
    log_stamp_url: str = _set("", "URL",
        "A time-stamping authority (RFC 3161) that stamps the log once a day; empty asks nobody.",
        "每日为日志加盖时间戳的时间戳机构（RFC 3161）网址；留空则不使用。")  # fmt: skip
    log_stamp_roots: Path | None = _set(None, "file",
        "Certificates (PEM) that stamps must lead to; without them auditors alone check that.",
        "时间戳必须追溯到的根证书（PEM）；不提供时仅由审计人员核验。")  # fmt: skip
    open311_key_required: bool = _set(
        False,
        "",
        "Whether reports over Open311 need an API key; without one anybody may report, slowly.",
        "通过 Open311 报告是否必须提供 API 密钥；否则任何人都可以报告，但有频率限制。",
    )
    intakes: Path | None = _set(
        None,
        "file",
        "Panels, feeds and keys of the ways in; by default intakes.toml in the data folder.",
        "接入方式的主机、订阅源和密钥；默认为数据文件夹中的 intakes.toml。",
    )
    max_body_bytes: Count = _set(
        1_000_000,
        "bytes",
        "The largest request body that is not an upload; larger ones get 413.",
        "除上传外请求正文的最大字节数；超出返回 413。",
    )
    header_timeout_s: Positive = _set(
        10.0,
        "s",
        "A request's head must be complete within this time.",
        "请求头必须在此时间内到齐。",
    )
    body_timeout_s: Positive = _set(
        20.0,
        "s",
        "A request's body must keep coming: how long it may stop, or come slower than "
        "body_min_rate.",
        "请求正文须持续到达：可停顿或低于最低速率的最长时间。",
    )
    body_min_rate: Count = _set(
        1_000,
        "bytes/s",
        "The slowest line that is waited for, for a body or for the reading of an answer.",
        "可接受的最低线路速率：发送正文或读取应答。",
    )
    keep_alive_s: Positive = _set(
        15.0,
        "s",
        "How long an idle connection is kept for the next request.",
        "空闲连接保留的时间。",
    )
    connection_budget: Count = _set(
        4000,
        "connections",
        "The most open connections; lowered to what the system's descriptor limit allows.",
        "同时打开的最大连接数；受系统文件描述符上限约束。",
    )
    per_client_connections: Count = _set(
        64,
        "connections",
        "The most connections from one address, trusted proxies excepted.",
        "单个地址的最大连接数，受信任的代理除外。",
    )
    trusted_proxies: tuple[str, ...] = _set(
        ("127.0.0.1/32", "::1/128"),
        "networks",
        "Networks whose forwarded addresses are believed, and which have no cap of their own.",
        "信任其转发地址的网络，不受单地址连接数限制。",
    )
    outgoing_hosts: tuple[str, ...] = _set((), "hosts",
        "The only hosts this node calls (feeds, time stamps), whatever else names them; empty: "
        "those that the settings of each caller name.",
        "本节点可以对外访问的主机（订阅源、时间戳）；留空则为各项设置中写明的主机。")  # fmt: skip
    outgoing_networks: tuple[str, ...] = _set((), "networks",
        "Networks that are not public and may be called all the same, such as 10.20.0.0/16.",
        "虽非公网但允许对外访问的网络，例如 10.20.0.0/16。")  # fmt: skip
    public_url: str = _set(
        "",
        "URL",
        "How the public reaches this node, for links in answers; empty takes the request's.",
        "公众访问本节点的网址，用于答复中的链接；留空则取自请求。",
    )
    argon2_pool: Count = _set(
        2,
        "threads",
        "How many passwords are checked at once; each takes about 64 MB meanwhile.",
        "同时验证的密码数；每次约占用 64 MB 内存。",
    )
    group_commit_max: Count = _set(200, "commands",
        "The most commands that share one commit.", "共享一次提交的最大命令数。")  # fmt: skip
    errand_interval_s: Positive = _set(
        0.5, "s", "How often what is owed and due is looked for.", "检查到期事项的间隔。"
    )
    position_keep_h: Positive = _set(
        48,
        "h",
        "How long the newest position of a unit on duty is kept.",
        "在岗力量单元最新位置的保存时间。",
    )
    sse_tick_ms: Count = _set(50, "ms",
        "Live events are collected for this long and sent together.",
        "实时事件合并发送的间隔。")  # fmt: skip
    sse_queue_limit: Count = _set(1000, "events",
        "A live listener this far behind is dropped and resumes by itself.",
        "实时订阅者落后超过此数即断开，随后自动续接。")  # fmt: skip
    shutdown_grace_s: Positive = _set(10.0, "s",
        "How long running requests may finish when the node is asked to stop.",
        "停止节点时等待进行中请求完成的时间。")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Setting:
    """One row for documentation, tests and the command line."""

    name: str
    variable: str
    kind: str
    default: object
    unit: str
    doc: str
    doc_zh: str
    is_secret: bool


_HINTS: Final[Mapping[str, Any]] = get_type_hints(Settings, include_extras=True)


def _kind(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return _kind(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return " | ".join(get_args(hint))
    if get_origin(hint) is tuple:
        return "list of text"
    if hint == Path or hint == Path | None:
        return "path"
    return {str: "text", bool: "yes or no", int: "whole number", float: "number"}[hint]


SETTINGS: Final[tuple[Setting, ...]] = tuple(
    Setting(
        name=each.name,
        variable=PREFIX + each.name.upper(),
        kind=_kind(_HINTS[each.name]),
        default=each.default,
        unit=each.metadata["unit"],
        doc=each.metadata["doc"],
        doc_zh=each.metadata["doc_zh"],
        is_secret=each.metadata["secret"],
    )
    for each in fields(Settings)
)
_NAMES: Final = frozenset(setting.name for setting in SETTINGS)


def load(
    argv_overrides: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None = None,
) -> Settings:
    """The node's settings from all sources; raises SettingsError at the first that is wrong.

    `argv_overrides` has settings by name, None where the command line is silent. `toml` is the
    file named on the command line; without it TOCSIN_CONFIG names one. Relative paths in the file
    are relative to its folder, all others to the working directory.
    """
    file = toml or (Path(environ["TOCSIN_CONFIG"]) if environ.get("TOCSIN_CONFIG") else None)
    values: dict[str, object] = {}
    if file is not None:
        values.update(_from_file(file))
    values.update(_from_environment(environ))
    values.update(_from_command_line(argv_overrides))
    return Settings(**values)  # pyright: ignore[reportArgumentType]


def _from_file(file: Path) -> Iterator[tuple[str, object]]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError("unreadable", key=str(file), detail=str(error)) from error
    for name, value in table.items():
        if name not in _NAMES:
            raise _unknown(name, name, str(file), str.lower)
        converted = _convert(name, name, value, str(file))
        yield name, file.parent / converted if isinstance(converted, Path) else converted


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in _NAMES or variable != variable.upper():
            raise _unknown(variable, name, "the environment", lambda near: PREFIX + near.upper())
        yield name, _convert(name, variable, value, "the environment")


def _from_command_line(overrides: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in overrides.items():
        flag = "--" + name.replace("_", "-")
        if name not in _NAMES:
            raise _unknown(flag, name, "the command line", lambda near: f"--{near}")
        if value is not None:
            yield name, _convert(name, flag, value, "the command line")


def _unknown(shown: str, name: str, source: str, spell: Callable[[str], str]) -> SettingsError:
    near = difflib.get_close_matches(name.lower(), sorted(_NAMES), n=1, cutoff=0.0)
    return SettingsError("unknown", key=shown, source=source, nearest=spell(near[0]))


def _convert(name: str, shown: str, value: object, source: str) -> object:
    """`value` as the setting's type. The value itself is not repeated: it may be a secret."""
    hint = _HINTS[name]
    is_text = isinstance(value, str)
    try:
        if is_text and get_origin(hint) is tuple:
            value = [part.strip() for part in str(value).split(",") if part.strip()]
        if _kind(hint) == "path":
            return _as_path(value, hint)
        converted = msgspec.convert(value, hint, strict=not is_text)
        _check(name, converted)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError("bad_value", key=shown, source=source, detail=str(error)) from None
    return converted


def _as_path(value: object, hint: Any) -> Path | None:
    if not isinstance(value, str | Path):
        raise ValueError("Expected a path")
    if value == "":
        if hint == Path:
            raise ValueError("Expected a path, got nothing")
        return None
    return Path(value).expanduser()


def _check(name: str, value: object) -> None:
    """Rules that a type cannot say; raises ValueError with words."""
    if value == "":
        return
    check_sign_in(name, value)
    if name in ("trusted_proxies", "outgoing_networks"):
        for network in cast(tuple[str, ...], value):
            ip_network(network)
        return
    is_database = name in ("database_url", "database_owner_url")
    if is_database and not str(value).startswith(("postgresql:", "postgres:")):
        raise ValueError("Expected postgresql://...")
    if name in ("public_url", "log_stamp_url", "synthetic_page_url") and not str(value).startswith(
        ("https://", "http://")
    ):
        raise ValueError("Expected https://... or http://...")
