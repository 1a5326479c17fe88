"""What every residents' page shares: its language, its headers, who may send, and its failures."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from tocsin.runtime.onlooking import Onlooker, look_as
from tocsin.runtime.ports import Unavailable
from tocsin.runtime.services import Services
from tocsin.web.gate import Web, check_origin, too_many
from tocsin.web.headers import page_headers
from tocsin.web.limits import address_key
from tocsin.web.problems import STATUS, Problem
from tocsin.web.public import maps
from tocsin.web.public.drafts import Drafts
from tocsin.web.public.words import WORDS
from tocsin.web.shell import seen_of
from tocsin.web.texts import pick_language, text_of

FOLDER: Final = Path(__file__).parent / "templates"


def _named(name: str) -> tuple[str, bytes]:
    """A file beside the templates, under an address that changes with its content."""
    data = (FOLDER / name).read_bytes()
    stem, _, ending = name.rpartition(".")
    return f"/public/{stem}-{hashlib.sha256(data).hexdigest()[:12]}.{ending}", data


STYLE: Final = _named("style.css")
SCRIPT: Final = _named("photo.js")
ICON: Final = _named("icon.svg")

_JINJA: Final = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
Handler = Callable[["Asked"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a page. `chosen` is the language the reader picked, if they did."""

    request: Request
    web: Web
    drafts: Drafts
    language: str
    chosen: str

    @property
    def services(self) -> Services:
        return self.web.services

    @property
    def say(self) -> Mapping[str, str]:
        return WORDS[self.language]

    def spoken(self, language: str) -> Asked:
        """The same in a language that the reader picked in a form."""
        if language not in WORDS:
            return self
        return replace(self, language=language, chosen=language)

    def link(self, path: str, **query: str) -> str:
        """An address of ours that keeps the picked language."""
        if self.chosen:
            query["lang"] = self.chosen
        mark = "&".join(f"{name}={value}" for name, value in query.items())
        return f"{path}?{mark}" if mark else path

    def words(self, names: Mapping[str, str]) -> str:
        """A text of the pack in the reader's language."""
        return self.services.pack.in_language(names, self.language)

    def when(self, at: datetime | None) -> str:
        """An instant on the town's wall clock, with the zone named."""
        if at is None:
            return "–"
        pack = self.services.pack
        local = at.astimezone(pack.calendar.zone if pack.calendar is not None else None)
        if self.language.startswith("zh"):
            day = f"{local.year}年{local.month}月{local.day}日"
            return f"{day} {local:%H:%M}（{pack.zone} 时间）"
        return f"{local.day} {local:%B %Y, %H:%M} ({pack.zone} time)"

    def day(self, at: datetime | None) -> str:
        """The day of an instant in the town."""
        if at is None:
            return "–"
        calendar = self.services.pack.calendar
        local = at.astimezone(calendar.zone if calendar is not None else None)
        if self.language.startswith("zh"):
            return f"{local.year}年{local.month}月{local.day}日"
        return f"{local.day} {local:%B %Y}"

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page from a template. `form` names the form that a change of language must carry."""
        map_script = maps.script(self.services) if values.get("shows_map") else ""
        values = {
            "form": "",
            "title": "",
            "has_error": False,
            "shows_map": False,
            "place": self.request.url.path,
            "asked": self,
            "say": self.say,
            "town": self.words(self.services.pack.title),
            "numbers": self.services.pack.emergency_numbers,
            "languages": LANGUAGES,
            "style": STYLE[0],
            "script": SCRIPT[0],
            "icon": ICON[0],
            "map_script": map_script,
            **values,
        }
        html = _JINJA.get_template(template).render(values)
        return Response(
            html,
            status,
            {
                **page_headers("public-map" if map_script else "public"),
                "content-language": self.language,
                "vary": "accept-language",
                # With no-referrer a browser calls the origin of a form "null", and the check of
                # the origin would refuse our own forms.
                "referrer-policy": "same-origin",
            },
            "text/html",
        )


LANGUAGES: Final = (("en", "English"), ("zh-CN", "中文"))


def page(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A route: language found, failures told as a page that says what to do next."""

    async def answered(request: Request) -> Response:
        web: Web = request.app.state.web
        wanted = request.query_params.get("lang", "")
        chosen = wanted if wanted in WORDS else ""
        language = chosen or pick_language(request.headers.get("accept-language"), tuple(WORDS))
        asked = Asked(request, web, request.app.state.drafts, language, chosen)
        look_as(Onlooker(published=True))
        try:
            return await handler(asked)
        except Problem as problem:
            return failed(asked, problem)
        except Unavailable as trouble:
            headers = {"retry-after": str(trouble.retry_after_s)}
            return failed(asked, Problem("unavailable", headers=headers))

    return answered


def failed(asked: Asked, problem: Problem) -> Response:
    """The page of a problem that no form can show."""
    asked.web.metrics.refusals.labels(problem.reason).inc()
    response = asked.page(
        "problem.html",
        STATUS[problem.reason],
        title=asked.say["problem"],
        text=text_of(problem.reason, asked.language),
        wait=problem.headers.get("retry-after", ""),
        reason=problem.reason,
    )
    response.headers.update(problem.headers)
    return response


def admit_sender(asked: Asked) -> None:
    """Before a form is read: it was sent from our own page, and not too often. Raises `Problem`.

    Sec-Fetch-Site is out of reach for a page's script; where a browser sends it and says
    "same-origin", an origin that a privacy tool has blanked does not matter.
    """
    seen = seen_of(asked.request.scope)
    is_blank = asked.request.headers.get("origin") == "null"
    if not (is_blank and asked.request.headers.get("sec-fetch-site") == "same-origin"):
        check_origin(asked.request, asked.web.options, seen)
    wait = asked.web.anonymous.take(address_key(seen.address))
    if wait:
        raise too_many(wait)


__all__ = ["Asked", "admit_sender", "failed", "page"]
