"""The words of the web rim's own refusals, in both languages; the rest comes from the packs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tocsin.packs.words import word

REASON_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "bad_request": ("The request cannot be read.", "无法读取该请求。"),
    "sign_in_needed": ("Sign in first, or send an API key.", "请先登录，或提供接口密钥。"),
    "wrong_login": (
        "The login name or the password is not right.",
        "登录名或密码不正确。",
    ),
    "key_scope_missing": (
        "This API key was not made for that.",
        "该接口密钥没有此项权限。",
    ),
    "role_missing": (
        "Your account has no role that may do this.",
        "您的账户没有可执行此操作的角色。",
    ),
    "outside_scope": (
        "Your roles do not reach this place or this case.",
        "您的角色范围不包含该地点或该案件。",
    ),
    "wrong_origin": (
        "The request came from another site and was not carried out.",
        "请求来自其他网站，未予执行。",
    ),
    "csrf_missing": (
        "The request lacks its session's token (X-CSRF-Token).",
        "请求缺少会话令牌（X-CSRF-Token）。",
    ),
    "purpose_not_yours": (
        "Sealed values are not opened to your roles for this purpose.",
        "您的角色不能以此用途查看受保护的内容。",
    ),
    "second_person_needed": (
        "A second person must agree first; `hint` says why. Ask for one.",
        "须先经第二人同意（原因见 hint），请提出申请。",
    ),
    "permit_over": (
        "The permit is over, or does not open this. State the purpose again.",
        "查看许可已失效或不适用，请重新说明用途。",
    ),
    "ask_unknown": ("Nobody asks for that.", "没有该申请。"),
    "ask_over": ("It was decided already, or nobody decided in time.", "该申请已有决定或已过期。"),
    "not_the_second": (
        "Your roles do not make you the second person here.",
        "您的角色不能作为该申请的第二人。",
    ),
    "not_needed_here": (
        "No second person is needed: you may open it yourself.",
        "无需第二人同意，您可自行查看。",
    ),
    "words_changed": (
        "The words are not those that you read. Open them again.",
        "文字已与您查看时不同，请重新打开。",
    ),
    "nothing_public": (
        "No words of this case are published: its type is not public, or there are none any more.",
        "该案件没有可公开的文字：类型不公开，或文字已不存在。",
    ),
    "gaps_wrong": (
        "A gap is empty or lies outside the text.",
        "遮盖范围为空或超出文字范围。",
    ),
    "hold_unknown": ("This case has no such hold.", "该案件没有此保全。"),
    "hold_over": (
        "It was said already, or can not be said of this hold now.",
        "该保全已有决定，或当前不能作此决定。",
    ),
    "hold_waits": (
        "Your last hold on this case still waits for a second person.",
        "您对该案件的上一项保全仍在等待第二人决定。",
    ),
    "link_used": (
        "This link was used already or is too old. Ask for a new one.",
        "该链接已被使用或已过期，请申请新的链接。",
    ),
    "unknown_path": ("There is nothing at this address.", "该地址没有内容。"),
    "console_missing": (
        "The console was not built. Run `make setup` where node is installed, then start again.",
        "工作台尚未构建。请在装有 node 的机器上运行 `make setup`，然后重新启动。",
    ),
    "receipt_unknown": (
        "There is no report with this tracking code. Check its letters.",
        "没有与该查询码对应的上报，请核对字符。",
    ),
    "unknown_account": ("There is no such account.", "没有该账户。"),
    "unknown_key": ("There is no such API key.", "没有该接口密钥。"),
    "unknown_session": ("There is no such session.", "没有该会话。"),
    "unknown_area": ("There is no such area.", "没有该区域。"),
    "unknown_errand": ("There is no such dead letter.", "没有该未送达事项。"),
    "unknown_problem": ("There is no such reason.", "没有该原因说明。"),
    "map_missing": (
        "There is no map here yet. `tocsin map build FILE.osm.pbf` makes one.",
        "这里还没有地图。请用 `tocsin map build FILE.osm.pbf` 生成。",
    ),
    "map_building": (
        "The map is being made; it will be here in a moment.",
        "地图正在生成，请稍候。",
    ),
    "bad_range": (
        "The file has no bytes in the range that was asked for.",
        "请求的字节范围不在文件之内。",
    ),
    "method_not_allowed": (
        "This address does not take that method.",
        "该地址不支持此请求方法。",
    ),
    "not_acceptable": ("This form of answer is not offered.", "不提供该格式的答复。"),
    "login_taken": ("This login name is taken.", "该登录名已被使用。"),
    "password_weak": (
        "The password needs at least 12 characters, must not hold the login name, and must not be "
        "soon guessed: no common password, name, date or row of keys. Several words do well.",
        "密码至少需要 12 个字符，不得包含登录名，也不能容易被猜中：不要使用常见密码、姓名、日期或"
        "键盘上的连续按键。建议使用几个词语的组合。",
    ),
    "password_breached": (
        "This password is on a list of stolen ones. Choose another.",
        "该密码出现在已泄露密码名单中，请另选一个。",
    ),
    "last_administrator": (
        "This is the last administrator; make another one first.",
        "这是最后一位管理员，请先设立另一位。",
    ),
    "passkey_wrong": (
        "This passkey does not open an account here, or it took too long. Try again.",
        "该通行密钥无法登录本系统，或操作超时，请重试。",
    ),
    "passkeys_full": (
        "This account has enough passkeys; remove one.",
        "通行密钥数量已满，请先移除一个。",
    ),
    "passkeys_off": (
        "Passkeys do not work at this address. The node needs its public address set.",
        "当前网址无法使用通行密钥，请先为节点设置公开网址。",
    ),
    "unknown_passkey": ("There is no such passkey.", "没有该通行密钥。"),
    "last_way_in": (
        "This is the last way into the account. Add another one first.",
        "这是该账户最后的登录方式，请先添加另一种。",
    ),
    "fresh_sign_in_needed": (
        "Sign in again first: the ways into an account are changed right after signing in only.",
        "请先重新登录：只有刚登录后才能更改登录方式。",
    ),
    "own_rights": (
        "Nobody changes their own rights. Ask another administrator.",
        "任何人都不能更改自己的权限，请联系另一位管理员。",
    ),
    "rights_take_two": (
        "This takes a second person: one who neither proposed it nor is the one it is about.",
        "此操作需要第二人：既非提议人，也非当事人。",
    ),
    "roles_apart": (
        "Nobody holds two of the three administrator roles, and an audit administrator holds no "
        "other role.",
        "任何人不得兼任三种管理员角色中的两种，审计管理员不得兼任其他角色。",
    ),
    "unknown_proposal": (
        "There is no such proposal, or it was decided or ran out.",
        "没有该提议，或已裁决、已过期。",
    ),
    "identity_unknown": (
        "The provider knows you, but no account here is tied to you. Ask an administrator.",
        "身份提供方已确认您的身份，但此处没有与之关联的账户，请联系管理员。",
    ),
    "identity_taken": (
        "This person of the provider is tied to an account already.",
        "该身份已关联到某个账户。",
    ),
    "unknown_identity": ("There is no such tie.", "没有该关联。"),
    "sign_on_off": ("This node has no provider to sign on at.", "本节点未配置身份提供方。"),
    "sign_on_failed": (
        "Signing on at the provider did not work. Try again, or sign in another way.",
        "通过身份提供方登录未成功，请重试或使用其他方式登录。",
    ),
    "grant_invalid": (
        "A role is given over an area that does not exist, or its agency does not fit.",
        "所授角色的区域不存在，或机构不符合要求。",
    ),
    "bad_cursor": ("This is not a cursor of this list.", "该翻页标记不属于此列表。"),
    "photo_type": (
        "A photo cannot be read. Send JPEG, PNG or WebP.",
        "照片无法读取，请使用 JPEG、PNG 或 WebP。",
    ),
    "photo_too_large": ("A photo is too large.", "照片过大。"),
    "photo_damaged": ("A photo is cut off or damaged.", "照片不完整或已损坏。"),
    "too_large": ("The request is too large.", "请求内容过大。"),
    "wrong_media_type": (
        "This address does not read that kind of content.",
        "该地址不接受此类内容。",
    ),
    "invalid": (
        "Some fields are not right; `errors` says which.",
        "部分字段不正确，详见 errors。",
    ),
    "parameter_repeated": (
        "A parameter of the address is given twice. Give it once.",
        "地址中的某个参数出现了两次，请只提供一次。",
    ),
    "too_many_requests": (
        "Too many tries in a short time. Wait a little.",
        "短时间内请求过多，请稍后再试。",
    ),
    "internal": (
        "Something went wrong here. The operators can find it by its request id.",
        "系统内部出错，运维人员可凭请求编号查找原因。",
    ),
    "unavailable": (
        "The data store cannot answer at the moment. Nothing was changed; try again soon.",
        "数据存储暂时无法应答，未作任何更改，请稍后再试。",
    ),
    "busy": ("Too much to do at the moment; try again soon.", "系统繁忙，请稍后再试。"),
}


def text_of(reason: str, language: str) -> str:
    """The sentence for a reason in a language ("zh-CN" or "en")."""
    texts = REASON_TEXTS.get(reason)
    if texts is None:
        return word("reason", reason, language)
    return texts[1] if language.startswith("zh") else texts[0]


def pick_language(header: str | None, offered: Iterable[str]) -> str:
    """The offered language that an Accept-Language header (RFC 9110) wants most; the first
    offered one when it wants none of them. Anything unreadable in it is passed over."""
    languages = tuple(offered)
    best, best_weight = languages[0], 0.0
    for part in (header or "")[:200].split(","):
        tag, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        base = tag.strip().lower().partition("-")[0]
        for language in languages:
            if base == language.partition("-")[0] and weight > best_weight:
                best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return max(0.0, min(1.0, float(value)))
    except ValueError:
        return 0.0
