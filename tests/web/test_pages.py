"""The node's own pages: two languages, no outside request, forms that fit their routes."""

from __future__ import annotations

import re

import pytest

from tests.web.house import Node
from tocsin.web import pages
from tocsin.web.headers import policy_of


@pytest.mark.parametrize("path", ["/first", "/password"])
@pytest.mark.parametrize(("header", "language"), [("zh-CN,zh;q=0.9", "zh-CN"), ("fi,en", "en")])
async def test_a_page_speaks_the_readers_language_and_asks_nobody_else(
    node: Node, path: str, header: str, language: str
) -> None:
    page = await node.client().get(path, headers={"Accept-Language": header})
    assert page.status_code == 200
    assert f'lang="{language}"' in page.text
    assert "http://" not in page.text and "https://" not in page.text
    assert page.headers["content-security-policy"] == policy_of("link", pages.OWN)
    assert len(page.content) < 50_000


@pytest.mark.parametrize(("path", "kind"), [("/first", "first"), ("/password", "password")])
async def test_a_form_asks_for_what_its_route_takes(node: Node, path: str, kind: str) -> None:
    page = (await node.client().get(path)).text
    asked = set(re.findall(r'<input id="(\w+)"', page)) | {"token"}
    assert f'action="/api/{kind}"' in page
    body = dict.fromkeys(asked, "x" * 24)
    answer = await node.client().post(f"/api/{kind}", json=body)
    assert answer.status_code in (403, 409), answer.text  # understood, and refused for its token
