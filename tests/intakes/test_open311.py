"""GeoReport v2 over a real socket, as its specification and its clients read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from .node import INSIDE, Node, make_services, served

VEHICLE = "4ffa4c69601827691b000018"
REPORT = {
    "service_code": VEHICLE,
    "description": "A car without plates.\r\nFor weeks.",
    "attribute[HOWMANYD]": "21",
    "attribute[FQSKA3]": "BLUE",
    "first_name": "Ada",
    "last_name": "Canary-Lovelace",
    "email": "ada@example.org",
    **INSIDE,
}


@pytest.fixture
def node() -> Iterator[Node]:
    with served(make_services()) as running:
        yield running


@pytest.fixture
def client(node: Node) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{node.url}/open311") as http:
        yield http


def post(client: httpx.Client, **changes: str) -> str:
    answer = client.post("/v2/requests.json", data={**REPORT, **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()[0]["service_request_id"]


def test_discovery_has_a_bare_type_and_a_past_changeset(client: httpx.Client):
    as_json = client.get("/discovery.json")
    assert as_json.headers["content-type"] == "application/json"
    document = as_json.json()
    changeset = datetime.fromisoformat(document["changeset"])
    assert changeset.tzinfo is not None
    assert changeset < datetime.now(UTC)
    assert len(document["endpoints"]) >= 2
    for endpoint in document["endpoints"]:
        assert endpoint["formats"][0] == "text/xml"
        assert len(endpoint["formats"]) >= 2
    as_xml = client.get("/discovery.xml")
    assert as_xml.headers["content-type"] == "text/xml"
    assert fromstring(as_xml.content).find("endpoints/endpoint/formats/format").text == "text/xml"
    assert client.get("/discovery").status_code == 200
    assert client.get("/v2/discovery.json").json() == document


def test_the_fourteen_services(client: httpx.Client):
    answer = client.get("/v2/services.json")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    services = answer.json()
    assert len(services) == 14
    assert services[0]["service_code"] == VEHICLE
    assert services[0]["service_name"] == "Abandoned Vehicle"
    assert services[0]["metadata"] is True
    answer = client.get("/v2/services.xml")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    root = fromstring(answer.content)
    assert root.tag == "services"
    assert [each.findtext("service_code") for each in root] == [
        each["service_code"] for each in services
    ]
    assert root[0].findtext("metadata") == "true"


def test_a_definition(client: httpx.Client):
    definition = client.get(f"/v2/services/{VEHICLE}.json").json()
    assert definition["service_code"] == VEHICLE
    days, colour = definition["attributes"]
    assert (days["code"], days["datatype"], days["required"]) == ("HOWMANYD", "number", True)
    assert (colour["code"], colour["datatype"]) == ("FQSKA3", "singlevaluelist")
    assert {"key": "BLUE", "name": "Blue"} in colour["values"]
    root = fromstring(client.get(f"/v2/services/{VEHICLE}.xml").content)
    assert root.tag == "service_definition"
    assert root.findtext("attributes/attribute/variable") == "true"
    assert client.get("/v2/services/nowhere.json").status_code == 404


def test_a_report_goes_in_and_is_found(client: httpx.Client):
    case_id = post(client)
    (found,) = client.get(f"/v2/requests/{case_id}.json").json()
    assert found["service_request_id"] == case_id
    assert found["status"] == "open"
    assert found["service_code"] == VEHICLE
    assert (found["lat"], found["long"]) == (41.8312, -87.6734)
    assert found["description"] is None
    root = fromstring(client.get(f"/v2/requests/{case_id}.xml").content)
    assert root.findtext("request/lat") == "41.8312"
    listed = client.get("/v2/requests.json").json()
    assert [each["service_request_id"] for each in listed] == [case_id]
