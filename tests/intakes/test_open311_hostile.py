"""Bad input, from clumsy to hostile: a clear error in the right format, nothing half written."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.intakes.open311 import Open311Options
from tocsin.intakes.open311.formats import csv_rows, decimal, encode, xml_text
from tocsin.runtime.ports import CaseQuery

from .node import REPORT, VEHICLE, Node, make_services, served
from .test_photos import as_bytes, picture

FORM = {"content-type": "application/x-www-form-urlencoded"}
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]><request>&lol3;</request>"""
ENTITY = b"""<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """One node for all of this file: it must outlive everything that is thrown at it."""
    with served(make_services()) as running:
        yield running


@pytest.fixture(scope="module")
def client(node: Node) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{node.url}/open311") as http:
        yield http


def cases(node: Node) -> int:
    return node.run(node.services.store.count(CaseQuery()))


def error(answer: httpx.Response) -> tuple[int, str]:
    """The one error of an answer, whatever its format; code and status agree."""
    if answer.headers["content-type"].startswith("application/json"):
        (found,) = answer.json()
        assert found.keys() == {"code", "description"}
        code, description = found["code"], found["description"]
    else:
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        root = fromstring(answer.content)
        assert root.tag == "errors" and root[0].tag == "error"
        code, description = int(root[0].findtext("code")), root[0].findtext("description")
    assert code == answer.status_code
    assert description
    return code, description


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"service_code": ""}, 400, "service_code was not provided"),
        ({"service_code": "nothing"}, 404, "service_code was not found"),
        ({"service_code": "abandoned-vehicle\x00"}, 404, "service_code"),
        ({"lat": "", "long": "", "address_string": ""}, 400, "lat and long"),
        ({"lat": "41.8"}, 200, ""),
        ({"lat": ""}, 400, "lat and long"),
        ({"lat": "north"}, 400, "lat and long"),
        ({"lat": "nan", "long": "nan"}, 400, "lat and long"),
        ({"lat": "1e400", "long": "1"}, 400, "lat and long"),
        ({"lat": "91"}, 400, "lat and long"),
        ({"lat": "-87.67", "long": "41.83"}, 400, "outside the area"),
        ({"lat": "60.17", "long": "24.94"}, 400, "outside the area"),
        ({"datum": "mars"}, 400, "lat and long"),
        ({"attribute[HOWMANYD]": ""}, 400, "HOWMANYD"),
        ({"attribute[HOWMANYD]": "many"}, 400, "HOWMANYD"),
        ({"attribute[FQSKA3]": "PLAID"}, 400, "FQSKA3"),
        ({"description": "x" * 10_001}, 400, "too long"),
        ({"last_name": "x" * 501}, 400, "too long"),
        ({"description": "a\x00b"}, 400, "not text"),
        ({f"attribute[X{n}]": "1" for n in range(120)}, 400, "Too many"),
        ({f"x{n}": "1" for n in range(400)}, 400, "form could not be read"),
        ({"jurisdiction_id": "elsewhere.gov"}, 404, "jurisdiction_id"),
        ({"api_key": "guess"}, 403, "api_key"),
    ],
)
def test_reports_that_are_not_taken(
    client: httpx.Client, node: Node, form: str, changes: dict[str, str], status: int, word: str
):
    before = cases(node)
    answer = client.post(f"/v2/requests.{form}", data={**REPORT, **changes})
    assert answer.status_code == status, answer.text
    if status == 200:
        return
    assert word in error(answer)[1]
    assert cases(node) == before
    for private in (REPORT["last_name"], REPORT["email"], REPORT["description"]):
        assert private not in answer.text


def test_outside_names_the_nearest_area(client: httpx.Client):
    answer = client.post("/v2/requests.json", data={**REPORT, "lat": "60.17", "long": "24.94"})
    assert "T1V1-3" in error(answer)[1]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"description=%ff%fe", FORM["content-type"], 400),
        (b"description=\xff\xfe", FORM["content-type"], 400),
        (b"service_code=%F0%28%8C%28", FORM["content-type"], 400),
        (b"a=b", "application/x-www-form-urlencoded; charset=gb2312", 415),
        (BOMB, "text/xml", 415),
        (BOMB, "application/xml; charset=utf-8", 415),
        (b'{"service_code": "x"}', "application/json", 415),
        (b"x", "nonsense", 415),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=" + "b" * 300, 400),
        (b"--b\r\nbroken", "multipart/form-data; boundary=b", 400),
        (b"--b\r\n\r\n\r\n--b--", "multipart/form-data; boundary=b", 400),
        (b"--b\r\n" + b"X: " + b"y" * 9_000, "multipart/form-data; boundary=b", 400),
        (b"", "", 400),
    ],
)
def test_bodies_that_cannot_be_read(
    client: httpx.Client, node: Node, body: bytes, kind: str, status: int
):
    before = cases(node)
    answer = client.post("/v2/requests.xml", content=body, headers={"content-type": kind})
    assert error(answer)[0] == status
    assert cases(node) == before


def test_a_compressed_body_is_not_unpacked(client: httpx.Client):
    headers = {**FORM, "content-encoding": "gzip"}
    answer = client.post("/v2/requests.json", content=b"\x1f\x8b", headers=headers)
    assert error(answer)[0] == 415


@pytest.mark.parametrize(
    "data", [BOMB, ENTITY, b"", b"GIF89a", as_bytes(picture())[:400], b"%PDF", b"\xff\xd8\xff"]
)
def test_files_that_are_no_photos(client: httpx.Client, node: Node, data: bytes):
    files = [("media", ("photo.jpg", data, "image/jpeg"))]
    before = cases(node)
    answer = client.post("/v2/requests.json", data=REPORT, files=files)
    if not data:  # an empty file field: the reporter chose no photo
        assert answer.status_code == 200
        return
    assert "photo" in error(answer)[1]
    assert b"root:" not in answer.content
    assert cases(node) == before


def test_too_many_photos(client: httpx.Client, node: Node):
    before = cases(node)
    files = [("media[]", (f"{n}.png", as_bytes(picture((9, 9 + n)), "PNG"))) for n in range(6)]
    answer = client.post("/v2/requests.json", data=REPORT, files=files)
    assert "Too many" in error(answer)[1]
    assert client.post("/v2/requests.json", data=REPORT, files=files[:5]).status_code == 200
    assert cases(node) == before + 1


@pytest.fixture
def small() -> Iterator[Node]:
    options = Open311Options(form_limit=1_000, upload_limit=5_000)
    with served(make_services(), options) as running:
        yield running


def test_a_body_that_says_it_is_huge(small: Node):
    answer = httpx.post(
        f"{small.url}/open311/v2/requests.xml", data={**REPORT, "description": "x" * 2_000}
    )
    assert error(answer)[0] == 413


def test_a_body_that_does_not_say_so(small: Node):
    """Chunked and endless: it is counted while it comes, and answered before it ends."""
    host, port = small.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            b"POST /open311/v2/requests.json HTTP/1.1\r\nHost: x\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(3):
            line.sendall(b"200\r\n" + b"x" * 0x200 + b"\r\n")
        answer = line.recv(4_096)
    assert answer.startswith(b"HTTP/1.1 413")
    assert cases(small) == 0


def test_a_client_that_leaves_in_the_middle(small: Node):
    host, port = small.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(
            b"POST /open311/v2/requests.json HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: 500\r\n\r\nservice_code=" + VEHICLE.encode()
        )
    answer = httpx.get(f"{small.url}/open311/v2/services.json")
    assert answer.status_code == 200
    assert cases(small) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing.json", 404),
        ("GET", "/v2/nothing/at/all.json", 404),
        ("GET", "/v2/a/b/c/d.json", 404),
        ("GET", "/v2/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/services.json", 404),
        ("GET", "/v2", 404),
        ("GET", "/v2/services.yaml", 404),
        ("GET", "/v2/requests.", 404),
        ("GET", "/v2/requests/x.html", 404),
        ("GET", "/v2/requests/%00.json", 404),
        ("GET", "/v2/requests/..%2f..%2fetc.json", 404),
        ("GET", "/v2/services/%ff.json", 404),
        ("GET", "/v2/tokens/%ff.json", 404),
        ("GET", "/v2/requests/" + "x" * 5_000 + ".json", 404),
        ("DELETE", "/v2/requests.json", 405),
        ("PUT", "/v2/requests/x.json", 405),
        ("POST", "/v2/services.json", 405),
        ("POST", "/v2/tokens/x.json", 405),
    ],
)
def test_addresses_that_lead_nowhere(client: httpx.Client, method: str, path: str, status: int):
    answer = client.request(method, path)
    assert error(answer)[0] == status
    if status == 405:
        assert answer.headers["allow"]


def test_without_an_ending_the_accept_header_chooses(client: httpx.Client):
    as_json = client.get("/v2/services", headers={"accept": "application/json"})
    assert as_json.headers["content-type"] == "application/json; charset=utf-8"
    as_xml = client.get("/v2/services", headers={"accept": "*/*"})
    assert as_xml.headers["content-type"] == "text/xml; charset=utf-8"
    assert client.head("/v2/services.json").status_code == 200
    asked = client.options("/v2/requests.json", headers={"origin": "https://app.example.org"})
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == "*"


# -- anything at all


names = st.sampled_from([*REPORT, "attribute[FQSKA3][]", "media", "page", "status", "datum", "key"])
texts = st.text(max_size=30) | st.sampled_from(["", "0", "-1", "1e308", "nan", "true", VEHICLE])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(names, texts, max_size=8), st.sampled_from(["json", "xml"]), st.data())
def test_nothing_makes_it_stumble(
    client: httpx.Client, fields: dict[str, str], form: str, data: st.DataObject
):
    clean = {k: v.encode("utf-8", "replace").decode() for k, v in fields.items()}
    paths = ["requests", "servicerequestupdates", "requests/x", "tokens/x", "services", "x"]
    answers = [
        client.get(f"/v2/{data.draw(st.sampled_from(paths))}.{form}", params=clean),
        client.post(f"/v2/requests.{form}", data={**REPORT, **clean}),
        client.post(f"/v2/servicerequestupdates.{form}", data=clean),
        client.post(
            f"/v2/requests.{form}",
            content=data.draw(st.binary(max_size=60)),
            headers=FORM if data.draw(st.booleans()) else {},
        ),
    ]
    for answer in answers:
        assert answer.status_code < 500
        if answer.status_code >= 400:
            error(answer)
        elif form == "xml":
            fromstring(answer.content)
        else:
            answer.json()


@given(st.text(st.characters()))
def test_any_text_survives_xml_or_is_dropped(text: str):
    shown = fromstring(f"<a>{xml_text(text)}</a>").text or ""
    legal = [c for c in text if c in "\t\n\r" or ("\x20" <= c <= "\ud7ff") or c >= "\ue000"]
    assert shown == "".join(c for c in legal if c not in "\ufffe\uffff")


@given(st.recursive(st.text(st.characters()) | st.booleans() | st.floats(-180, 180), st.lists))
def test_every_answer_can_be_written(value: Any):
    encode("json", "notes", value)
    csv_rows([[value if isinstance(value, str | float) else None]])


@given(st.floats(-180, 180))
def test_decimals_have_no_exponent(number: float):
    text = decimal(number)
    assert "e" not in text and abs(float(text) - number) <= 1e-10


def test_a_post_after_all_that_still_works(client: httpx.Client):
    assert client.post("/v2/requests.json", data=REPORT).status_code == 200
