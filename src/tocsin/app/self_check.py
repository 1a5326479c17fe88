"""`tocsin self-check`: what this node would listen on, which secrets stand where, what is unsafe.

Reads settings and files only, so it can be asked before the first start and beside a running
node. It never prints a secret.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tocsin.app.secrecy import Place, examples, places
from tocsin.app.settings import Settings
from tocsin.app.ways_in import intake_listeners, intake_tables
from tocsin.runtime.intake_settings import Listener, Tables
from tocsin.stores.vault import WrongMasterKey, load_master_keys

UNSAFE: Final = 1
"""The exit code where something is unsafe."""
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "listens": ("Listens on", "监听"),
    "secrets": ("Secrets", "密钥"),
    "parts": ("Optional parts", "可选部分"),
    "unsafe": ("Unsafe", "不安全"),
    "notes": ("To know", "请注意"),
    "safe": ("Nothing unsafe was found.", "未发现不安全之处。"),
    "http": ("pages, screens and API (HTTP)", "页面、工作台与 API（HTTP）"),
    "socket": ("database: a socket in the data folder, no port",
               "数据库：数据文件夹内的套接字，无端口"),
    "vault_key": ("master key of the vault", "保险库主密钥"),
    "retired_keys": ("retired master keys", "已停用的主密钥"),
    "numbers": ("key {where}", "密钥 {where}"),
    "kept_keys": (
        "{where}: backups from before the rotation need it. Destroy it when `tocsin backup prune` "
        "has let the last of their keys' files go",
        "{where}：轮换之前的备份仍需要它。待 `tocsin backup prune` 清除最后一份旧密钥文件后销毁",
    ),
    "half_rotated": (
        "{where} holds more than one key: end the rotation with `tocsin vault rotate`",
        "{where} 中有多个密钥：请用 `tocsin vault rotate` 完成轮换",
    ),
    "log_key": ("signing key of the log", "日志签名密钥"),
    "intakes": ("keys of panels, senders and devices", "主机、发送方与设备的密钥"),
    "database": ("address of the database", "数据库地址"),
    "sign_on": ("secret at the provider of identities", "身份提供方处的密钥"),
    "absent": ("not there", "不存在"),
    "environment": ("environment", "环境变量"),
    "on": ("on", "开"),
    "off": ("off", "关"),
    "part_map": ("map of the town", "城镇地图"),
    "part_roads": ("roads given by name", "指定的道路数据"),
    "part_log": ("log of all changes", "变更日志"),
    "part_stamps": ("time stamps of an authority", "时间戳机构"),
    "part_keys": ("key needed to report over Open311", "Open311 报告须有密钥"),
    "part_intake": ("intake {where}", "接入 {where}"),
    "open_file": (
        "{where}: others on this machine may read it. Do: chmod 600 {where}",
        "{where}：本机其他用户可读。请执行：chmod 600 {where}",
    ),
    "open_folder": (
        "{where}: others on this machine may write into it. Do: chmod 700 {where}",
        "{where}：本机其他用户可写。请执行：chmod 700 {where}",
    ),
    "example": (
        "{where}: an example or default that everybody knows; the node does not start with it. "
        "Make one of your own",
        "{where}：人尽皆知的示例或默认值，节点不会启动。请自行生成",
    ),
    "plain_http": (
        "{where}: reached from other machines, and public_url is not https: passwords would travel "
        "in clear. Put a proxy with TLS before it, set public_url, and listen on 127.0.0.1",
        "{where}：其他机器可以访问，而 public_url 不是 https：密码将以明文传输。"
        "请在前面设置 TLS 代理，设置 public_url，并监听 127.0.0.1",
    ),
    "all_proxies": (
        "trusted_proxies {where}: anybody could say whom they are. Name your proxy's address only",
        "trusted_proxies {where}：任何人都能冒充他人地址。请只写代理自己的地址",
    ),
    "wide_calls": (
        "outgoing_networks {where}: calls may reach this machine or a cloud's own services. Name "
        "the network of your feed only",
        "outgoing_networks {where}：对外访问可到达本机或云平台内部服务。请只写订阅源所在网络",
    ),
    "plain_database": (
        "the database is on another machine and its certificate is not checked. Add "
        "sslmode=verify-full to its address",
        "数据库在另一台机器上，且未验证其证书。请在地址中加入 sslmode=verify-full",
    ),
    "plain_intake": (
        "{where}: reached from other machines without encryption. Use its TLS or keys, or a "
        "network of its own",
        "{where}：其他机器可以访问且未加密。请启用其 TLS 或密钥，或使用专用网络",
    ),
    "one_login": (
        "the node would sign in as the owner of the database: give it a login that owns nothing, "
        "and set database_owner_url",
        "节点将以数据库所有者身份登录：请为其设立不拥有任何表的账号，并设置 database_owner_url",
    ),
    "no_log": ("the log of all changes is off: what is rewritten is not seen",
               "变更日志已关闭：改写不会被发现"),
    "no_stamps": ("no outside clock stamps the log: set log_stamp_url",
                  "没有外部时间戳：请设置 log_stamp_url"),
    "root": ("this runs as root: give the node a user of its own",
             "正以 root 运行：请为节点设立专用用户"),
    "debug": ("log_level is debug: for looking into a fault, not for every day",
              "log_level 为 debug：仅用于排查故障"),
}  # fmt: skip
"""By code: English, Chinese."""
_ALWAYS_INSIDE: Final = tuple(
    ip_network(each) for each in ("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10")
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know: `code` is one of WORDS, `where` a place and never a value."""

    code: str
    where: str = ""
    is_unsafe: bool = True

    def say(self, language: str) -> str:
        return word(self.code, language).format(where=self.where)


def word(code: str, language: str) -> str:
    return WORDS[code][1 if language.startswith("zh") else 0]


def listeners(settings: Settings, tables: Tables) -> list[Listener]:
    """Every port that a node with these settings opens; one, unless an intake has its own."""
    is_tls = settings.public_url.startswith("https://")
    own = Listener("http", settings.host, settings.port, "tcp", is_tls)
    return [own, *intake_listeners(tables)]


def findings(settings: Settings, tables: Tables, kept: list[Place], user: int) -> Iterator[Finding]:
    """What is unsafe first, then what is good to know."""
    for place in kept:
        if place.is_open:
            yield Finding("open_file", place.where)
        if place.what == "retired_keys":
            yield Finding("kept_keys", place.where, is_unsafe=False)
        if place.what == "vault_key" and len(numbers_in(place)) > 1:
            yield Finding("half_rotated", place.where, is_unsafe=False)
    if settings.data.is_dir() and settings.data.stat().st_mode & 0o022:
        yield Finding("open_folder", str(settings.data))
    for where in examples(settings, tables):
        yield Finding("example", where)
    for each in listeners(settings, tables):
        if is_reached(each.host) and not each.is_safe:
            code = "plain_http" if each.what == "http" else "plain_intake"
            yield Finding(code, f"{each.what} {each.host}:{each.port}")
    for text in settings.trusted_proxies:
        if ip_network(text).prefixlen == 0:
            yield Finding("all_proxies", text)
    for text in settings.outgoing_networks:
        network = ip_network(text)
        if any(n.version == network.version and n.overlaps(network) for n in _ALWAYS_INSIDE):
            yield Finding("wide_calls", text)
    if _is_plain_database(settings.database_url) or _is_plain_database(settings.database_owner_url):
        yield Finding("plain_database")
    for code, is_so in (
        ("one_login", bool(settings.database_url) and not settings.database_owner_url),
        ("no_log", not settings.seal_log),
        ("no_stamps", not settings.log_stamp_url),
        ("root", user == 0),
        ("debug", settings.log_level == "debug"),
    ):
        if is_so:
            yield Finding(code, is_unsafe=False)


def numbers_in(place: Place) -> list[int]:
    """Which master keys a file holds; none where it is no such file, or cannot be read."""
    if place.what not in ("vault_key", "retired_keys"):
        return []
    try:
        return sorted(load_master_keys(Path(place.where), may_create=False).by_id)
    except (WrongMasterKey, OSError):
        return []


def is_reached(host: str) -> bool:
    """Whether other machines reach what listens on this address."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host not in ("localhost", "")


def _is_plain_database(url: str) -> bool:
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    host = parts.hostname or (asked.get("host") or [""])[0]
    is_here = not host or host.startswith("/") or not is_reached(host)
    return not is_here and (asked.get("sslmode") or [""])[0] not in ("verify-full", "verify-ca")


def parts_on(settings: Settings, tables: Tables) -> list[tuple[str, str, bool]]:
    """(code, where, whether it is on) of each part that a node may have."""
    fixed = [
        ("part_map", "", settings.map is not None),
        ("part_roads", "", settings.roads is not None),
        ("part_log", "", settings.seal_log),
        ("part_stamps", "", bool(settings.log_stamp_url)),
        ("part_keys", "", settings.open311_key_required),
    ]
    return fixed + [("part_intake", code, True) for code in sorted(tables)]


def self_check(asked: argparse.Namespace) -> int:
    """The verb: 0 where nothing is unsafe, 1 where something is."""
    from tocsin.app.asking import settings_of

    settings: Settings = settings_of(asked)
    language = "zh" if os.environ.get("LANG", "").lower().startswith("zh") else "en"
    tables = intake_tables(settings)
    config = asked.config or _config(os.environ)
    kept = places(settings, os.environ, config)
    told = list(findings(settings, tables, kept, os.geteuid()))
    for line in report(settings, tables, kept, told, language):
        print(line)
    return UNSAFE if any(each.is_unsafe for each in told) else 0


def report(
    settings: Settings, tables: Tables, kept: list[Place], told: list[Finding], language: str
) -> Iterator[str]:
    """The lines for people. No line holds a secret: they know places only."""
    yield word("listens", language)
    for each in listeners(settings, tables):
        what = word("http", language) if each.what == "http" else each.what
        yield f"  {each.kind} {each.host}:{each.port}  {what}"
    if not settings.database_url:
        yield f"  {word('socket', language)}"
    yield word("secrets", language)
    for place in kept:
        mode = word("environment", language)
        if place.mode is not None:
            mode = f"{place.mode:04o}" if place.mode >= 0 else word("absent", language)
        held = ", ".join(map(str, numbers_in(place)))
        numbers = f"  ({word('numbers', language).format(where=held)})" if held else ""
        yield f"  {word(place.what, language)}: {place.where}  {mode}{numbers}"
    yield word("parts", language)
    for code, where, is_on in parts_on(settings, tables):
        state = word("on" if is_on else "off", language)
        yield f"  {word(code, language).format(where=where)}: {state}"
    for title, is_unsafe in (("unsafe", True), ("notes", False)):
        lines = [each.say(language) for each in told if each.is_unsafe is is_unsafe]
        if lines:
            yield word(title, language)
            yield from (f"  - {line}" for line in lines)
    if not any(each.is_unsafe for each in told):
        yield word("safe", language)


def _config(environ: Mapping[str, str]) -> Path | None:
    text = environ.get("TOCSIN_CONFIG", "")
    return Path(text) if text else None
