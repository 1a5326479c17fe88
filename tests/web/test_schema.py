"""The API against its own OpenAPI document: examples and problems everywhere. What it answers to
data of all kinds is asked by `tests/end_to_end/test_every_operation.py`."""

from typing import Any

from tests.web.house import BODY, Node, grant
from tocsin.web.openapi import openapi
from tocsin.web.problems import MEDIA_TYPE
from tocsin.web.views import CasesView, CaseView


def every_operation(node: Node) -> list[dict[str, Any]]:
    paths = openapi(node.app)["paths"]
    return [operation for methods in paths.values() for operation in methods.values()]


async def test_every_operation_has_words_examples_and_problems(node: Node) -> None:
    schemas = openapi(node.app)["components"]["schemas"]
    for operation in every_operation(node):
        name = operation["operationId"]
        assert operation["summary"].endswith("."), name
        body = operation.get("requestBody", {}).get("content", {})
        for kind, content in body.items():
            is_told = "example" in content or schemas[_name(content["schema"])].get("examples")
            assert is_told, (name, kind)
        for status, answer in operation["responses"].items():
            kinds = set(answer.get("content", {}))
            if status.startswith("3"):
                assert not kinds, (name, status)
            elif status.startswith("2"):
                assert all("example" in each for each in answer["content"].values()), name
            elif name != "health.ready":
                assert kinds == {MEDIA_TYPE}, (name, status)


def _name(schema: dict[str, Any]) -> str:
    return schema["$ref"].rpartition("/")[2]


async def test_views_are_what_the_schema_says(node: Node) -> None:
    """Answers are not validated on their way out, so here they are, to the last member."""
    taker = await node.staff("taker", grant("call_taker"))
    for kind in ("street-light-out", "building-fire"):
        body = {**BODY, "case_type": kind, "dispatch_now": kind == "building-fire"}
        case_id = (await taker.post("/api/reports", json=body)).json()["case_id"]
        CaseView.model_validate_json((await taker.get(f"/api/cases/{case_id}")).content)
    CasesView.model_validate_json((await taker.get("/api/cases")).content)
