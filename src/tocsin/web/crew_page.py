"""The crew's page for a phone: a shell that is there at once, a small script that does the rest.

The script is built from `console/src/crew`. Its worker keeps the shell and the script on the phone,
so that the page opens where there is no line; nothing of the API is ever kept by it.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tocsin.web import console
from tocsin.web.headers import page_headers
from tocsin.web.problems import Problem
from tocsin.web.texts import pick_language

PATH: Final = "/crew"

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "Crew",
        "loading": "Loading",
        "script": "This page needs JavaScript. Without it, report by radio.",
    },
    "zh-CN": {
        "title": "值勤",
        "loading": "正在加载",
        "script": "此页面需要 JavaScript。无法使用时请用电台报告。",
    },
}

WORKER: Final = """
const KEPT = 'tocsin-crew-' + %s, SHELL = '/crew';
addEventListener('install', event => event.waitUntil(
  caches.open(KEPT).then(kept => kept.addAll([SHELL, ...%s])).then(() => skipWaiting())));
addEventListener('activate', event => event.waitUntil(caches.keys().then(names => Promise.all(
  names.filter(name => name.startsWith('tocsin-crew-') && name !== KEPT)
    .map(name => caches.delete(name)))).then(() => clients.claim())));
addEventListener('message', event => event.waitUntil(caches.open(KEPT).then(kept =>
  Promise.all((event.data.keep || []).map(async url => {
    if (new URL(url).pathname.startsWith('/console/assets/') && !await kept.match(url))
      await kept.add(url);
  })))));
addEventListener('fetch', event => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== location.origin) return;
  if (event.request.mode === 'navigate' && url.pathname === SHELL) {
    event.respondWith(fetch(event.request).catch(() => caches.match(SHELL)));
  } else if (url.pathname.startsWith('/console/assets/')) {
    event.respondWith(caches.match(event.request).then(found => found || fetch(event.request)));
  }
});
"""
"""Asked of the node first, so that a new version is there at the next load; from what is kept only
where nothing answers. Requests of the API are not touched."""


def _built(ending: str) -> str:
    """The name of the newest built file of the crew's page. Raises `console_missing`."""
    found = sorted(
        (console.folder() / "assets").glob(f"crew-*{ending}"), key=lambda path: path.stat().st_mtime
    )
    if not found:
        raise Problem("console_missing")
    return f"/console/assets/{Path(found[-1]).name}"


async def page(request: Request) -> Response:
    """The shell, in the language that the phone asks for."""
    language = pick_language(request.headers.get("accept-language", ""), tuple(WORDS))
    say = WORDS[language]
    html = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{say['title']} · Tocsin</title>"
        '<link rel="icon" href="/console/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="{escape(_built(".css"))}">'
        f'<script type="module" src="{escape(_built(".js"))}"></script></head>'
        f'<body><main><header><h1>{say["title"]}</h1></header><p class="soft">{say["loading"]}</p>'
        f"<noscript><p>{say['script']}</p></noscript></main></body></html>"
    )
    headers = {
        **page_headers("crew"),
        "content-language": language,
        "cache-control": "no-cache",
        "vary": "accept-language",
    }
    return Response(html, headers=headers, media_type="text/html")


async def worker(request: Request) -> Response:
    """The worker; another build is another worker, which takes the old one's place."""
    own = [_built(".css"), _built(".js")]
    text = WORKER % (json.dumps("|".join(own)), json.dumps(own))
    headers = {
        **page_headers("crew"),
        "service-worker-allowed": PATH,
        "cache-control": "no-cache",
    }
    return Response(text, headers=headers, media_type="text/javascript")


ROUTES: Final[tuple[BaseRoute, ...]] = (
    Route(PATH, page),
    Route(f"{PATH}/worker.js", worker),
)
