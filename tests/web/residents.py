"""A resident whose browser knows no script: fills in the forms of the pages and sends them."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from html.parser import HTMLParser

import httpx
from PIL import Image

from tests.web.house import Node


class Page(HTMLParser):
    """The forms and the text of a page, as a browser would see them."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.html = answer.text
        self.forms: dict[str, dict[str, str]] = {}
        self.buttons: dict[str, list[tuple[str, str]]] = {}
        self.labels: set[str] = set()
        self.controls: list[dict[str, str]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.focused = ""
        self.text = ""
        self._form = ""
        self._select = ""
        self._area = ""
        self._quiet = False
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if "id" in has:
            self.ids.append(has["id"])
        if "autofocus" in has:
            self.focused = has.get("id") or has.get("name", "")
        match tag:
            case "form":
                self._form = has["id"]
                self.forms[self._form] = {}
            case "input" if self._form:
                self.controls.append(has)
                kind = has.get("type", "text")
                if kind not in ("radio", "checkbox", "file") or "checked" in has:
                    self.forms[self._form][has["name"]] = has.get("value", "")
            case "textarea":
                self.controls.append(has)
                self._area = has["name"]
                self.forms[self._form][self._area] = ""
            case "select":
                self.controls.append(has)
                self._select = has["name"]
                self.forms[self._form][self._select] = ""
            case "option" if "selected" in has:
                self.forms[self._form][self._select] = has["value"]
            case "button":
                form = has.get("form") or self._form
                self.buttons.setdefault(form, []).append((has["name"], has["value"]))
            case "label" if "for" in has:
                self.labels.add(has["for"])
            case "a":
                self.links.append(has.get("href", ""))
            case "title" | "style" | "script":
                self._quiet = tag != "title"
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = ""
        if tag == "textarea":
            self._area = ""
        self._quiet = False

    def handle_data(self, data: str) -> None:
        if self._area:
            # The first line break after the tag is not part of the value (HTML, 13.1.2.5).
            old = self.forms[self._form][self._area]
            self.forms[self._form][self._area] = old + (data if old else data.removeprefix("\n"))
        if not self._quiet:
            self.text += data


class Resident:
    """Looks at pages and presses buttons; no cookie is ever kept."""

    def __init__(self, node: Node, language: str = "en", **headers: str) -> None:
        self.client = node.client(**{"Accept-Language": language, **headers})
        self.seen: list[Page] = []

    async def open(self, path: str) -> Page:
        return self._look(await self.client.get(path))

    def _look(self, answer: httpx.Response) -> Page:
        assert answer.headers["content-type"].startswith("text/html"), answer.text
        assert "set-cookie" not in answer.headers
        page = Page(answer)
        self.seen.append(page)
        return page

    async def press(
        self,
        page: Page,
        form: str,
        go: str,
        fill: Mapping[str, str] | None = None,
        photo: bytes | None = None,
        path: str | None = None,
    ) -> Page:
        """Presses the button of that value, with the form as it stands and what is filled in."""
        assert ("go", go) in page.buttons[form], (go, page.buttons)
        fields = {**page.forms[form], **(fill or {}), "go": go}
        path = path or ("/report" if form == "report" else "/r")
        if any(each.get("type") == "file" for each in page.controls):
            parts = {name: (None, value.encode()) for name, value in fields.items()}
            name = "photo.jpg" if photo is not None else ""
            files = {**parts, "photo": (name, photo or b"")}
            return self._look(await self.client.post(path, files=files))
        return self._look(await self.client.post(path, data=fields))

    async def tell(self, text: str, photo: bytes | None = None) -> Page:
        """The first step, up to the page that follows it."""
        return await self.press(await self.open("/report"), "report", "next", {"text": text}, photo)

    async def report(
        self, text: str = "The street light in front of the school is dark", **where: str
    ) -> tuple[Page, str]:
        """All three steps; the receipt and its code."""
        page = await self.tell(text)
        page = await self.press(page, "report", "next", {"address": "60.1010, 24.9010", **where})
        page = await self.press(page, "report", "next")
        assert page.answer.status_code == 200, page.text
        return page, page.forms["follow"]["code"]

    async def look_up(self, code: str) -> Page:
        page = await self.open("/r")
        return await self.press(page, "follow", "show", {"code": code})


def picture(size: tuple[int, int] = (60, 40)) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[270] = "CANARY-EXIF"
    Image.new("RGB", size, (200, 30, 30)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def large_photo(side: int = 1_600) -> bytes:
    """A photo that does not compress: more than two megabytes, as a telephone takes them."""
    out = io.BytesIO()
    dots = random.Random(3).randbytes(3 * side * side)
    Image.frombytes("RGB", (side, side), dots).save(out, "JPEG", quality=90)
    return out.getvalue()
