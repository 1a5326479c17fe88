"""The console: one page for every screen, a strict policy, nothing from beside the folder."""

import gzip
from pathlib import Path

import httpx
import pytest

from tests.web.house import Node
from tocsin.web import console
from tocsin.web.headers import policy_of


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Tocsin</title>")
    (folder / "assets" / "index-abc.js").write_text("let a = 1;")
    (folder / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(b"let a = 1;"))
    (tmp_path / "secret.js").write_text("let secret = 1;")
    monkeypatch.setenv(console.VARIABLE, str(folder))
    return folder


async def asked(node: Node, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=node.url) as client:
        return await client.get(path, headers=headers)


async def test_every_screen_is_the_same_page(node: Node, built: Path) -> None:
    for path in ("/console/board?tier=town", "/console/case/01hx", "/console/wall"):
        answer = await asked(node, path)
        assert answer.status_code == 200 and "Tocsin" in answer.text
        assert answer.headers["content-security-policy"] == policy_of("console")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self';" in policy_of("console") and "unsafe" not in policy_of("console")


async def test_assets_are_kept_and_packed(node: Node, built: Path) -> None:
    plain = await asked(node, "/console/assets/index-abc.js", **{"accept-encoding": "identity"})
    packed = await asked(node, "/console/assets/index-abc.js", **{"accept-encoding": "gzip"})
    assert plain.text == packed.text == "let a = 1;"
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/missing.js",
        "/console/assets/%2e%2e/%2e%2e/secret.js",
        "/console/assets/..%2f..%2fsecret.js",
        "/console/assets//etc/passwd",
        "/console/assets/index-abc.js.gz",
    ],
)
async def test_nothing_else_is_served(node: Node, built: Path, path: str) -> None:
    answer = await asked(node, path)
    assert answer.status_code == 404 and "secret" not in answer.text


async def test_without_a_build_it_says_what_to_do(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(console.VARIABLE, str(tmp_path))
    answer = await asked(node, "/console/board", **{"accept-language": "zh-CN"})
    assert answer.status_code == 503 and answer.json()["reason"] == "console_missing"
    assert "make setup" in answer.json()["detail"] + answer.json()["title"]
