"""Two clients as anyone can install them, against a real socket: `georeport` and `three`."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from georeport import GeoReport

from .node import (
    INSIDE,
    VEHICLE,
    Node,
    dispatch,
    finish,
    make_services,
    publish,
    release,
    served,
    shown,
    state,
)
from .test_photos import as_bytes, picture


@pytest.fixture(scope="module")
def three() -> Any:
    """`three` was written for Python 2; the one name it misses is `filter` today."""
    itertools.ifilter = filter
    import three as client

    return client


@pytest.fixture
def keyed() -> Iterator[Node]:
    """A node that wants keys and is told its jurisdiction."""
    with served(make_services(key_required=True)) as running:
        yield running


def client_of(three: Any, node: Node, **options: str) -> Any:
    return three.Three(
        f"{node.url}/open311/v2",
        api_key="reporting",
        jurisdiction="cityofchicago.org",
        discovery=f"{node.url}/open311/discovery.json",
        **options,
    )


def vehicle(**changes: Any) -> dict[str, Any]:
    return {
        "service_code": VEHICLE,
        "description": "A blue car",
        "attribute[HOWMANYD]": "4",
        "attribute[FQSKA3]": "BLUE",
        **INSIDE,
        **changes,
    }


def test_three_from_discovery_to_close(three: Any, keyed: Node):
    city = client_of(three, keyed)
    document = city.discovery()
    assert datetime.fromisoformat(document["changeset"]) < datetime.now(UTC)
    assert [each["service_code"] for each in city.services()][0] == VEHICLE
    codes = [each["code"] for each in city.services(VEHICLE)["attributes"]]
    assert codes == ["HOWMANYD", "FQSKA3"]
    (receipt,) = city.post(**vehicle(name="Ada Lovelace", address="Elm Street 7"))
    case_id = receipt["service_request_id"]
    assert [each["service_request_id"] for each in city.requests()] == [case_id]
    assert [each["service_request_id"] for each in city.requests(VEHICLE)] == [case_id]
    assert city.requests(status="closed") == []
    dispatch(keyed, case_id)
    finish(keyed, case_id)
    (found,) = city.request(case_id)
    assert (found["status"], found["lat"]) == ("closed", shown(-87.6734, 41.8312).lat)
    assert city.requests(status="open") == []
    assert [each["service_request_id"] for each in city.requests(status="open,closed")] == [case_id]
    contact = state(keyed, case_id).reports[0].contact
    assert contact is not None


def test_three_asks_by_date_and_page(three: Any, keyed: Node):
    city = client_of(three, keyed)
    for number in range(5):
        city.post(**vehicle(description=f"car {number}"))
    assert len(city.requests(between=["03-01-2026", "03-31-2026"])) == 5
    assert city.requests(between=["01-01-2026", "02-01-2026"]) == []
    pages = [city.requests(count=2, page=number) for number in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({each["service_request_id"] for page in pages for each in page}) == 5


def test_three_uploads_a_photo(three: Any, keyed: Node):
    city = client_of(three, keyed)
    (receipt,) = city.post(**vehicle(media=io.BytesIO(as_bytes(picture()))))
    case_id = receipt["service_request_id"]
    assert len(state(keyed, case_id).reports[0].media) == 1
    publish(keyed, case_id)
    release(keyed, case_id)
    (found,) = city.request(case_id)
    assert found["media_url"].endswith(f"/open311/v2/media/{case_id}/1.jpg")
    assert city.session.get(found["media_url"]).content[:2] == b"\xff\xd8"


def test_three_meets_errors(three: Any, keyed: Node):
    city = client_of(three, keyed)
    (error,) = city.post(**vehicle(**{"attribute[HOWMANYD]": "many"}))
    assert (error["code"], "HOWMANYD" in error["description"]) == (400, True)
    (error,) = city.post(**vehicle(api_key="guess"))
    assert error["code"] == 403
    (error,) = city.request("nothing")
    assert error["code"] == 404
    (error,) = city.token("nothing")
    assert error["code"] == 404


def test_three_in_xml(three: Any, keyed: Node):
    city = client_of(three, keyed, format="xml")
    services = fromstring(city.services(convert=False))
    assert len(services) == 14
    city.convert = lambda content, conversion: content
    receipt = fromstring(city.post(**vehicle()))
    case_id = receipt.findtext("request/service_request_id")
    found = fromstring(city.request(case_id, convert=False))
    assert found.findtext("request/long") == str(shown(-87.6734, 41.8312).lon)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_georeport_reads_everything(keyed: Node, form: str, three: Any):
    (receipt,) = client_of(three, keyed).post(**vehicle())
    (second,) = client_of(three, keyed).post(**vehicle(description="another"))
    ids = [receipt["service_request_id"], second["service_request_id"]]
    city = GeoReport(f"{keyed.url}/open311/v2", "cityofchicago.org", output_format=form)
    services = city.get_service_list()
    assert len(services) == 14
    assert services[0]["service_name"] == "Abandoned Vehicle"
    definition = city.get_service_definition(VEHICLE)
    assert definition["service_code"] == VEHICLE
    found = city.get_service_request(ids[0])
    assert found["service_request_id"] == ids[0]
    listed = city.get_service_requests(service_request_id=",".join(ids))
    assert {each["service_request_id"] for each in listed} == set(ids)
    listed = city.get_service_requests(
        service_code=VEHICLE,
        start_date="2026-03-01T00:00:00Z",
        end_date="2026-03-03T00:00:00Z",
        status="open",
    )
    assert len(listed) == 2
