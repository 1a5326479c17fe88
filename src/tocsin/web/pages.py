"""The pages behind the two one-time links: the first administrator, and a new password.

Server-rendered, two languages, light and dark, no outside request. The token of a link is in the
fragment, which browsers do not send: a few lines of script, allowed by their hash, post it.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tocsin.web.headers import page_headers
from tocsin.web.texts import pick_language

STYLE: Final = """
:root{color-scheme:light dark;--ground:#f4f5f6;--panel:#fff;--line:#d5d9dd;--text:#1b1f23;
--soft:#57606a;--act:#0b6bcb;--late:#c8102e}
@media (prefers-color-scheme:dark){:root{--ground:#14171a;--panel:#1c2024;--line:#333a40;
--text:#e6e8ea;--soft:#9aa4ae;--act:#5aa9ff;--late:#ff5a66}}
body{margin:0;background:var(--ground);color:var(--text);font:18px/1.55 "Noto Sans","Noto Sans SC",
system-ui,sans-serif}:lang(zh){line-height:1.75}
main{max-width:38rem;margin:0 auto;padding:3rem 1.25rem}
h1{font-size:28px;margin:0 0 .5rem}p{margin:.6rem 0}.soft{color:var(--soft)}
form,section{background:var(--panel);border:1px solid var(--line);border-radius:4px;
padding:1rem 1.25rem;margin:1.5rem 0}
label{display:block;margin:.8rem 0 .2rem}
input{width:100%;box-sizing:border-box;font:inherit;padding:.55rem;border:1px solid var(--line);
border-radius:4px;background:var(--ground);color:inherit}
button{font:inherit;margin-top:1.2rem;padding:.6rem 1.2rem;border:0;border-radius:4px;
background:var(--act);color:var(--panel);cursor:pointer}
:focus-visible{outline:2px solid var(--act);outline-offset:2px}
a{color:var(--act)}[role=alert]{color:var(--late);min-height:1.5em}
code{overflow-wrap:anywhere}
"""

SCRIPT: Final = """
const form=document.querySelector('form'),said=document.querySelector('[role=alert]');
form.addEventListener('submit',async event=>{event.preventDefault();said.textContent='';
const body={token:location.hash.slice(1)};
for(const field of form.querySelectorAll('input'))body[field.name]=field.value;
try{const answer=await fetch(form.action,{method:'POST',credentials:'same-origin',
headers:{'Content-Type':'application/json'},body:JSON.stringify(body)});
if(answer.ok){history.replaceState(null,'',location.pathname);
const make=(tag,more)=>Object.assign(document.createElement(tag),more);
form.replaceChildren(make('p',{textContent:form.dataset.done}),
make('a',{href:'/console',textContent:form.dataset.console}));return}
const problem=await answer.json();
said.textContent=[problem.detail||problem.title,...(problem.errors||[]).map(each=>each.what)]
.join(' ')}catch{said.textContent=form.dataset.lost}});
"""

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "first": "The first administrator",
        "first_soft": "This link works once. The account it makes can give others their roles.",
        "password": "Choose a password",
        "password_soft": "This link works once.",
        "login": "Name to sign in with",
        "name": "Name that colleagues see",
        "password_field": "Password, at least 12 characters",
        "go": "Save",
        "done": "Saved. You can sign in with it now.",
        "console": "Go to the console",
        "lost": "Not saved: the line to the node is down. Try again when it is back.",
        "script": "This page needs JavaScript: the link's secret part never leaves the browser"
        " otherwise.",
    },
    "zh-CN": {
        "first": "首位管理员",
        "first_soft": "此链接只能使用一次。由此建立的账户可以为其他人分配角色。",
        "password": "设置密码",
        "password_soft": "此链接只能使用一次。",
        "login": "登录名",
        "name": "同事看到的名字",
        "password_field": "密码，至少 12 个字符",
        "go": "保存",
        "done": "已保存，现在可以用它登录。",
        "console": "前往工作台",
        "lost": "未保存：与节点的连接已断开。恢复后请重试。",
        "script": "此页面需要 JavaScript：否则链接的保密部分不会离开浏览器。",
    },
}


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


OWN: Final = {
    "style-src": f"'sha256-{_hash(STYLE)}'",
    "script-src": f"'sha256-{_hash(SCRIPT)}'",
}
"""What stands in the two pages, by its hash."""


def _page(language: str, title: str, body: str, script: bool = False) -> Response:
    end = f"<script>{SCRIPT}</script>" if script else ""
    html = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)} · Tocsin</title><style>{STYLE}</style>"
        f"<main>{body}</main>{end}</html>"
    )
    headers = {
        **page_headers("link", OWN),
        "content-language": language,
        "vary": "accept-language",
    }
    return Response(html, headers=headers, media_type="text/html")


def _language(request: Request) -> str:
    return pick_language(request.headers.get("accept-language", ""), tuple(WORDS))


def _form(request: Request, kind: str, fields: tuple[tuple[str, str, str, str], ...]) -> Response:
    language = _language(request)
    say = WORDS[language]
    inputs = "".join(
        f'<label for="{name}">{say[label]}</label><input id="{name}" name="{name}" type="{shape}" '
        f'autocomplete="{hint}" required>'
        for name, label, shape, hint in fields
    )
    body = (
        f"<h1>{say[kind]}</h1><p class=soft>{say[f'{kind}_soft']}</p>"
        f'<form action="/api/{kind}" method="post" data-done="{escape(say["done"])}" '
        f'data-lost="{escape(say["lost"])}" data-console="{escape(say["console"])}">'
        f"{inputs}<button>{say['go']}</button></form>"
        f'<p role="alert"></p><noscript><p>{say["script"]}</p></noscript>'
    )
    return _page(language, say[kind], body, script=True)


async def first(request: Request) -> Response:
    """The page behind the one-time administrator link."""
    fields = (
        ("login", "login", "text", "username"),
        ("name", "name", "text", "name"),
        ("password", "password_field", "password", "new-password"),
    )
    return _form(request, "first", fields)


async def password(request: Request) -> Response:
    """The page behind a one-time password link."""
    return _form(request, "password", (("password", "password_field", "password", "new-password"),))


ROUTES: Final[tuple[BaseRoute, ...]] = (
    Route("/first", first),
    Route("/password", password),
)
