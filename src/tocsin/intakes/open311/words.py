"""The sentences this intake says to people, in both languages; plain words, no slots but names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from tocsin.kernel.shared import Refused
from tocsin.packs.words import word

Language = Literal["en", "zh-CN"]

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    # how a case stands (status_notes)
    "received": ("Received. It will be looked at.", "已收到，等待查看。"),
    "accepted": ("Accepted. It will be handed to the body in charge.", "已受理，将转交责任单位。"),
    "filed": ("Registered. The body in charge is being told.", "已立案，正在通知责任单位。"),
    "dispatched": ("Sent to the body in charge.", "已派遣至责任单位。"),
    "in_work": ("Work is under way.", "正在处置。"),
    "claimed_done": (
        "Reported as done. Someone else is checking it.",
        "处置单位已报告完成，正在由他人核查。",
    ),
    "verified": ("Done and checked.", "已完成并经核查。"),
    "refused": ("Closed without work.", "未予受理，已关闭。"),
    "void": ("Closed: it was opened by mistake.", "误立，已关闭。"),
    "merged": ("The same matter is handled as request {into}.", "同一事项由请求 {into} 一并处理。"),
    "asked": ("Waiting for an answer of the reporter.", "等待报告人答复。"),
    "on_hold": ("On hold.", "暂缓处理。"),
    # what happened (service request updates)
    "opened": ("Received.", "已收到。"),
    "returned": (
        "The body in charge sent it back; another one is chosen.",
        "责任单位退回，正在另行指派。",
    ),
    "check_failed": ("The check found it is not done. Work goes on.", "核查未通过，继续处置。"),
    "reopened": ("Opened again.", "已重新开启。"),
    "moved": ("The promised time has changed.", "承诺时限已变更。"),
    "unmerged": ("Handled on its own again.", "恢复单独处理。"),
    # answers to a new request
    "notice": (
        "Your tracking code is {code}. Keep it: it shows how your report stands.",
        "您的查询码为 {code}。请妥善保存，凭此码查询进度。",
    ),
    # errors of the protocol
    "api_key_missing": ("api_key was not provided.", "未提供 api_key。"),
    "api_key_wrong": ("The api_key is not valid here.", "api_key 无效。"),
    "jurisdiction_missing": ("jurisdiction_id was not provided.", "未提供 jurisdiction_id。"),
    "jurisdiction_unknown": ("jurisdiction_id was not found.", "找不到该 jurisdiction_id。"),
    "service_code_missing": ("service_code was not provided.", "未提供 service_code。"),
    "service_code_unknown": ("service_code was not found.", "找不到该 service_code。"),
    "request_missing": ("service_request_id was not provided.", "未提供 service_request_id。"),
    "request_unknown": ("service_request_id was not found.", "找不到该 service_request_id。"),
    "request_elsewhere": (
        "The rights of the api_key do not reach this request.",
        "该 api_key 的权限不包括此工单。",
    ),
    "token_unknown": ("The token was not found.", "找不到该 token。"),
    "path_unknown": ("There is nothing at this address.", "该地址不存在。"),
    "format_unknown": ("Formats are xml and json.", "支持的格式为 xml 和 json。"),
    "method_wrong": ("This method is not allowed here.", "此处不支持该方法。"),
    "too_many_requests": (
        "Too many reports from here in a short time. Please wait a little.",
        "短时间内来自此处的报告过多，请稍后再试。",
    ),
    "too_large": ("The request is too large.", "请求内容过大。"),
    "type_unsupported": (
        "Send a form: application/x-www-form-urlencoded or multipart/form-data, in UTF-8.",
        "请以表单提交：application/x-www-form-urlencoded 或 multipart/form-data，UTF-8 编码。",
    ),
    "unreadable": ("The form could not be read.", "无法读取表单。"),
    "not_utf8": ("Text must be in UTF-8.", "文字须为 UTF-8 编码。"),
    "bad_coordinates": (
        "lat and long must both be given, as decimal degrees (WGS84).",
        "lat 与 long 须同时提供，为十进制度数（WGS84）。",
    ),
    "bad_parameter": ("A parameter cannot be understood: {detail}.", "参数无法理解：{detail}。"),
    "span_too_long": (
        "start_date and end_date may be at most 90 days apart.",
        "start_date 与 end_date 最多相隔 90 天。",
    ),
    "unavailable": (
        "The service cannot save anything at the moment. Please try again soon.",
        "系统暂时无法保存，请稍后再试。",
    ),
    "busy": (
        "No photo can be taken in at the moment. Please try again soon, or send without it.",
        "目前无法接收照片，请稍后再试，或不带照片提交。",
    ),
    # refusals of the reception, the kernel and the photo room
    "case_type_unknown": ("service_code was not found.", "找不到该 service_code。"),
    "place_missing": (
        "Give lat and long, or address_string.",
        "请提供 lat 与 long，或 address_string。",
    ),
    "outside": (
        "The place is outside the area served here. Nearest: {detail}.",
        "该地点不在服务范围内。最近：{detail}。",
    ),
    "text_missing": ("description was not provided.", "未提供 description。"),
    "too_long": ("A text is too long: {detail}.", "文字过长：{detail}。"),
    "bad_text": ("A text holds characters that are not text.", "文字中含有非法字符。"),
    "bad_time": ("The time is not plausible.", "时间不合理。"),
    "too_many": ("Too many parts: {detail}.", "内容过多：{detail}。"),
    "answer_invalid": ("An attribute is missing or wrong: {detail}.", "属性缺失或有误：{detail}。"),
    "bad_value": ("An attribute is missing or wrong: {detail}.", "属性缺失或有误：{detail}。"),
    "key_reused": (
        "This Idempotency-Key was used for another request.",
        "该 Idempotency-Key 已用于另一请求。",
    ),
    "photo_type": ("A photo must be JPEG, PNG or WebP.", "照片须为 JPEG、PNG 或 WebP 格式。"),
    "photo_too_large": ("A photo is too large: {detail}.", "照片过大：{detail}。"),
    "photo_damaged": ("A photo could not be read.", "照片无法读取。"),
    "refused_here": ("This cannot be done: {detail}.", "无法办理：{detail}。"),
}
"""key -> (English, Chinese)."""


def sentence(key: str, language: str, **names: str) -> str:
    """One sentence. Unknown keys are our bug (KeyError)."""
    english, chinese = SENTENCES[key]
    text = chinese if language.partition("-")[0] == "zh" else english
    return text.format(**names) if names else text


def refusal(refused: Refused, language: str) -> str:
    """Why not, for the one who asked: our own sentence, else the house's word for the reason."""
    if refused.reason in SENTENCES:
        return sentence(refused.reason, language, detail=refused.detail)
    known = word("reason", refused.reason, language)
    if known != refused.reason:
        return known
    return sentence("refused_here", language, detail=refused.detail)


def ending(disposition: str, language: str) -> str:
    """How it ended or why it was refused, as a sentence, where that is one of the house's words:
    free words of staff stay inside, and so does an accusation."""
    if disposition == "abuse":
        return ""
    for kind in ("disposition", "refusal"):
        known = word(kind, disposition, language)
        if known != disposition:
            return f"{known}。" if language.startswith("zh") else f"{known}."
    return ""


def languages_of(header: str) -> tuple[str, ...]:
    """The languages of an Accept-Language header, best first (RFC 9110, section 12.5.4). What
    cannot be read is left out."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:200].split(",")):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        weight = 1.0
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                continue
        if tag and tag != "*" and 0 < weight <= 1:
            weighed.append((-weight, place, tag.strip()))
    return tuple(tag for _, _, tag in sorted(weighed))
