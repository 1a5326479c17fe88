"""A served node with the fixture pack, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from .node import Node, make_services, served


@pytest.fixture
def node() -> Iterator[Node]:
    with served(make_services()) as running:
        yield running


@pytest.fixture
def client(node: Node) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{node.url}/open311") as http:
        yield http


@pytest.fixture(scope="module")
def standing() -> Iterator[httpx.Client]:
    """A client of one node for a whole file: for tests that leave nothing behind."""
    with (
        served(make_services()) as running,
        httpx.Client(base_url=f"{running.url}/open311") as http,
    ):
        yield http
