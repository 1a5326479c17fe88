from collections.abc import AsyncIterator

import pytest

from tests.web.house import Node
from tests.web.house import node as make_node


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with make_node() as made:
        yield made
