"""The settings of signing in, and the form of one row of the table."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, cast
from urllib.parse import urlsplit

from msgspec import Meta

from tocsin.runtime.sign_in import is_safe_address

SESSION_IDLE_H_MAX: Final = 12  # one shift, with the hand-over: a screen that is left is a way in
SESSION_ABSOLUTE_H_MAX: Final = 168  # a week; longer, and who lost a right or a laptop stays in


def setting(default: Any, unit: str, doc: str, doc_zh: str, *, secret: bool = False) -> Any:
    """One row of the table; `unit` is "" where a value has none."""
    about = {"unit": unit, "doc": doc, "doc_zh": doc_zh, "secret": secret}
    return field(default=default, metadata=about, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSettings:
    """Part of `Settings`."""

    passkey_host: str = setting(
        "",
        "host",
        "For which host passkeys are made; empty takes that of public_url. A change ends them all.",
        "通行密钥所属的主机名；留空则取自 public_url。更改后原有通行密钥全部失效。",
    )
    password_words: tuple[str, ...] = setting(
        (),
        "words",
        "What anybody would try here first: names of the town and of its agencies.",
        "本地最先会被猜到的词语，如城镇和机构名称。",
    )
    breached_passwords: Path | None = setting(
        None,
        "file",
        "SHA-1 hashes of stolen passwords, one HASH:count a line, in the order of the hashes.",
        "已泄露密码的 SHA-1 散列文件，每行一条 HASH:count，按散列排序。",
    )
    sign_in_networks: tuple[str, ...] = setting(
        (),
        "networks",
        "The town's own offices: many people sign in there behind one address.",
        "城镇自有办公网络：多人可经同一地址登录。",
    )
    sign_on_issuer: str = setting(
        "",
        "URL",
        "The town's provider of identities (OpenID Connect); empty: there is none.",
        "城镇的身份提供方（OpenID Connect）；留空表示没有。",
    )
    sign_on_client: str = setting(
        "",
        "",
        "As what the provider knows this node (client id).",
        "身份提供方为本节点登记的客户端标识。",
    )
    sign_on_secret: str = setting(
        "",
        "",
        "The node's secret at the provider; rather in a file.",
        "本节点在身份提供方的密钥；建议改用文件。",
        secret=True,
    )
    sign_on_secret_file: Path | None = setting(
        None,
        "file",
        "The file with that secret, readable for the node's account only.",
        "存放该密钥的文件，仅限节点账户读取。",
    )
    sign_on_name: str = setting(
        "",
        "",
        "How the sign-in page calls the provider; empty takes its host.",
        "登录页面显示的提供方名称；留空则取其主机名。",
    )
    sign_on_hosts: tuple[str, ...] = setting(
        (),
        "hosts",
        "Other hosts on which the provider has its endpoints.",
        "身份提供方其他端点所在的主机。",
    )
    sign_on_strengths: tuple[str, ...] = setting(
        (),
        "classes",
        "Classes of authentication (acr) of which the provider must have done one; empty: any.",
        "身份提供方须达到的认证级别（acr），满足其一即可；留空则不限。",
    )
    session_idle_h: Annotated[float, Meta(gt=0, le=SESSION_IDLE_H_MAX)] = setting(
        8.0,
        "h",
        f"A staff session ends after this long without use; at most {SESSION_IDLE_H_MAX}, one "
        "shift: a screen that was left is a way in.",
        f"工作人员会话的空闲时限；最长 {SESSION_IDLE_H_MAX} 小时，即一个班次；"
        "无人看管的屏幕就是入口。",
    )
    session_absolute_h: Annotated[float, Meta(gt=0, le=SESSION_ABSOLUTE_H_MAX)] = setting(
        24.0,
        "h",
        f"A staff session ends after this long in any case; at most {SESSION_ABSOLUTE_H_MAX}, a "
        "week: rights and people change, and a stolen session has an end.",
        f"工作人员会话的最长时限；最长 {SESSION_ABSOLUTE_H_MAX} 小时，即一周；"
        "被盗用的会话必有终止之时。",
    )


def check_sign_in(name: str, value: object) -> None:
    """Rules that a type cannot say; raises ValueError with words."""
    if name == "sign_in_networks":
        for network in cast(tuple[str, ...], value):
            ip_network(network)
    if name == "breached_passwords" and value is not None and not cast(Path, value).is_file():
        raise ValueError("Expected a file that can be read")
    if name == "sign_on_issuer":
        parts = urlsplit(str(value))
        if not is_safe_address(str(value), str(value)) or parts.query or parts.fragment:
            raise ValueError("Expected https://... without a query")
