"""GeoReport v2 over a real socket, as its specification reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from defusedxml.ElementTree import fromstring

from tocsin.intakes.open311 import Open311Options
from tocsin.kernel.cases.vocabulary import MergeCase, PublishCase, RefuseCase, VoidCase
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.packs.model import Pack
from tocsin.runtime.ports import Unavailable

from .node import (
    NAMES,
    REPORT,
    STREET,
    VEHICLE,
    WORDS,
    Node,
    dispatch,
    finish,
    make_services,
    post,
    publish,
    release,
    served,
    shown,
    state,
    tell,
)

HERE = shown(-87.6734, 41.8312)
"""The catchment of the report."""


def test_discovery_has_a_bare_type_and_a_past_changeset(standing: httpx.Client):
    as_json = standing.get("/discovery.json")
    assert as_json.headers["content-type"] == "application/json"
    document = as_json.json()
    changeset = datetime.fromisoformat(document["changeset"])
    assert changeset.tzinfo is not None
    assert changeset < datetime.now(UTC)
    assert len(document["endpoints"]) >= 2
    for endpoint in document["endpoints"]:
        assert endpoint["formats"][0] == "text/xml"
        assert len(endpoint["formats"]) >= 2
    as_xml = standing.get("/discovery.xml")
    assert as_xml.headers["content-type"] == "text/xml"
    assert fromstring(as_xml.content).find("endpoints/endpoint/formats/format").text == "text/xml"
    assert standing.get("/discovery").status_code == 200
    assert standing.get("/v2/discovery.json").json() == document


def test_the_fourteen_services(standing: httpx.Client):
    answer = standing.get("/v2/services.json")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    services = answer.json()
    assert len(services) == 14
    assert services[0]["service_code"] == VEHICLE
    assert services[0]["service_name"] == "Abandoned Vehicle"
    assert services[0]["metadata"] is True
    answer = standing.get("/v2/services.xml")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    root = fromstring(answer.content)
    assert root.tag == "services"
    assert [each.findtext("service_code") for each in root] == [
        each["service_code"] for each in services
    ]
    assert root[0].findtext("metadata") == "true"


def test_a_definition(standing: httpx.Client):
    definition = standing.get(f"/v2/services/{VEHICLE}.json").json()
    assert definition["service_code"] == VEHICLE
    days, colour = definition["attributes"]
    assert (days["code"], days["datatype"], days["required"]) == ("HOWMANYD", "number", True)
    assert (colour["code"], colour["datatype"]) == ("FQSKA3", "singlevaluelist")
    assert {"key": "BLUE", "name": "Blue"} in colour["values"]
    root = fromstring(standing.get(f"/v2/services/{VEHICLE}.xml").content)
    assert root.tag == "service_definition"
    assert root.findtext("attributes/attribute/variable") == "true"
    assert standing.get("/v2/services/nowhere.json").status_code == 404


def test_a_report_goes_in_and_is_found(client: httpx.Client):
    case_id = post(client)
    (found,) = client.get(f"/v2/requests/{case_id}.json").json()
    assert found["service_request_id"] == case_id
    assert found["status"] == "open"
    assert found["service_code"] == VEHICLE
    assert (found["lat"], found["long"]) == (HERE.lat, HERE.lon)
    assert found["description"] is None and found["address"] is None
    root = fromstring(client.get(f"/v2/requests/{case_id}.xml").content)
    assert root.findtext("request/lat") == str(HERE.lat) != "41.8312"
    listed = client.get("/v2/requests.json").json()
    assert [each["service_request_id"] for each in listed] == [case_id]


def one(client: httpx.Client, case_id: str, **query: str) -> dict[str, Any]:
    (found,) = client.get(f"/v2/requests/{case_id}.json", params=query).json()
    return found


def words_of(node: Node, case_id: str) -> dict[str, Any]:
    """What the vault holds of the first report's words."""
    report = state(node, case_id).reports[0]
    assert report.description is not None
    opened = node.run(node.services.vault.open([report.description], by=None, purpose="test"))
    return msgspec.json.decode(opened[report.description][0])


# -- reporting


def test_the_answer_names_the_request_and_the_tracking_code(client: httpx.Client, node: Node):
    answer = client.post("/v2/requests.json", data=REPORT)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    (receipt,) = answer.json()
    case_id = receipt["service_request_id"]
    assert isinstance(case_id, str) and "token" not in receipt
    code = node.services.reception.code(state(node, case_id).reports[0].id)
    assert code in receipt["service_notice"].replace("-", "")
    answer = client.post("/v2/requests.xml", data={**REPORT, "description": "another"})
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    root = fromstring(answer.content)
    assert root.tag == "service_requests"
    assert state(node, root.findtext("request/service_request_id") or "").status == "received"


@pytest.mark.parametrize(
    "attributes",
    [
        "attribute[HOWMANYD]=3&attribute[FQSKA3]=RED",
        "attribute%5BHOWMANYD%5D=3&attribute%5BFQSKA3%5D=RED",
        "attribute[HOWMANYD][]=3&attribute[FQSKA3][]=RED",
        "attribute[HOWMANYD][0]=3&attribute%5BFQSKA3%5D%5B%5D=RED",
    ],
)
def test_attributes_in_every_notation(client: httpx.Client, node: Node, attributes: str):
    body = f"service_code={VEHICLE}&lat=41.83&long=-87.67&description=x&{attributes}"
    answer = client.post(
        "/v2/requests.json",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    answers = state(node, answer.json()[0]["service_request_id"]).reports[0].answers
    assert dict(answers) == {"HOWMANYD": ("3",), "FQSKA3": ("RED",)}


def test_a_form_in_parts(client: httpx.Client, node: Node):
    parts = {name: (None, value) for name, value in REPORT.items()}
    answer = client.post(
        "/v2/requests.json", files={**parts, "description": (None, "路上\r\n有坑")}
    )
    assert answer.status_code == 200, answer.text
    assert words_of(node, answer.json()[0]["service_request_id"])["text"] == "路上\n有坑"


@pytest.mark.parametrize("sent", ["a\r\nb", "a\rb", "a\nb"])
def test_line_ends_are_stored_as_lf(client: httpx.Client, node: Node, sent: str):
    assert words_of(node, post(client, description=sent))["text"] == "a\nb"


def test_unknown_parameters_are_ignored(client: httpx.Client):
    post(client, **{"zodiac": "virgo", "attribute[NOTHING]": "x", "attribute[": "y", "": "z"})


def test_a_report_sent_twice_is_one_report(client: httpx.Client, node: Node):
    first, again = post(client), post(client)
    assert first == again
    assert post(client, description="something else") != first
    key = {"idempotency-key": "phone-1-77"}
    one_time = client.post("/v2/requests.json", data={**REPORT, "phone": "1"}, headers=key)
    node.clock.move(hours=5)
    later = client.post("/v2/requests.json", data={**REPORT, "phone": "1"}, headers=key)
    assert later.json() == one_time.json()
    other = client.post("/v2/requests.json", data={**REPORT, "phone": "2"}, headers=key)
    assert other.status_code == 400
    assert "Idempotency-Key" in other.json()[0]["description"]


def test_an_address_alone_is_a_place(client: httpx.Client):
    case_id = post(client, lat="", long="")
    found = one(client, case_id)
    assert (found["lat"], found["long"]) == (None, None)
    root = fromstring(client.get(f"/v2/requests/{case_id}.xml").content)
    assert root.find("request/lat").text is None


# -- batch and blackbox


def pack_with(code: str, **terms: Any) -> Pack:
    """The fixture pack, with one service of another kind."""
    content = msgspec.json.decode(msgspec.json.encode(make_services().pack.content))
    for table in content["types"].values():
        if table.get("service_code", table["code"]) == code:
            table.update(terms)
    pack = Pack(content)
    assert not pack.findings, pack.findings
    return pack


def test_batch_answers_with_a_token_that_leads_to_the_request():
    with served(make_services(pack_with(VEHICLE, service_kind="batch"))) as node:
        client = httpx.Client(base_url=f"{node.url}/open311")
        assert client.get("/v2/services.json").json()[0]["type"] == "batch"
        (receipt,) = client.post("/v2/requests.json", data=REPORT).json()
        assert "service_request_id" not in receipt
        token = receipt["token"]
        (found,) = client.get(f"/v2/tokens/{token}.json").json()
        assert found["token"] == token
        assert one(client, found["service_request_id"])["status"] == "open"
        root = fromstring(client.get(f"/v2/tokens/{token}.xml").content)
        assert root.findtext("request/token") == token
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        other = token.replace("-r1-", "-r2-")
        case_id = found["service_request_id"]
        for wrong in (forged, other, case_id, f"{case_id}-r1", "x", "-", "%00", "é", "a" * 5000):
            answer = client.get(f"/v2/tokens/{wrong}.json")
            assert answer.status_code == 404, wrong
            assert answer.json()[0]["code"] == 404
        # The tracking code opens more than a token may, so neither serves as the other.
        code = node.services.reception.code(state(node, case_id).reports[0].id)
        assert code not in token
        assert client.get(f"/v2/tokens/{code}.json").status_code == 404


def test_of_a_confidential_type_nothing_comes_out():
    with served(make_services(pack_with(VEHICLE, sealed=True))) as node:
        client = httpx.Client(base_url=f"{node.url}/open311")
        assert client.get("/v2/services.json").json()[0]["type"] == "blackbox"
        (receipt,) = client.post("/v2/requests.json", data=REPORT).json()
        assert receipt.keys() == {"service_notice", "account_id"}
        (case_id,) = [row.case.id for row in rows_of(node)]
        assert client.get(f"/v2/requests/{case_id}.json").status_code == 404
        near = {"lat": "41.83", "long": "-87.67", "radius": "5000"}
        ids = {"service_request_id": case_id}
        for query in ({}, ids, {"service_code": VEHICLE}, near):
            assert client.get("/v2/requests.json", params=query).json() == []
        assert case_id not in client.get("/v2/requests.csv").text
        assert client.get("/v2/servicerequestupdates.json").json() == []


def test_what_is_not_public_is_not_there():
    with served(make_services(pack_with(VEHICLE, public=False))) as node:
        client = httpx.Client(base_url=f"{node.url}/open311")
        assert len(client.get("/v2/services.json").json()) == 13
        assert client.post("/v2/requests.json", data=REPORT).status_code == 404


def rows_of(node: Node) -> Any:
    from tocsin.runtime.ports import CaseQuery

    return node.run(node.services.store.cases(CaseQuery())).rows


# -- how it stands


def test_the_whole_way_in_words(client: httpx.Client, node: Node):
    case_id = post(client)
    assert one(client, case_id)["status_notes"] == "Received. It will be looked at."
    dispatch(node, case_id)
    found = one(client, case_id)
    assert found["status"] == "open"
    assert found["agency_responsible"] == "City Services"
    assert found["expected_datetime"] > found["requested_datetime"]
    finish(node, case_id)
    found = one(client, case_id)
    assert (found["status"], found["status_notes"]) == ("closed", "Done and checked.")
    closed_at = state(node, case_id).closed_at
    assert closed_at is not None
    assert datetime.fromisoformat(found["updated_datetime"]) == closed_at.replace(microsecond=0)


def test_the_other_ends(client: httpx.Client, node: Node):
    refused, void, main, double = (post(client, description=str(n)) for n in range(4))
    tell(node, refused, RefuseCase("not_ours"))
    tell(node, void, VoidCase("exercise"))
    tell(node, main, MergeCase(double, 0.9, ("place",)))
    assert [one(client, each)["status"] for each in (refused, void, double)] == ["closed"] * 3
    note = "Closed without work. Not a matter of this county."
    assert one(client, refused)["status_notes"] == note
    # Free words of staff stay inside, and nobody is accused in public.
    accused, spoken = post(client, description="5"), post(client, description="6")
    tell(node, accused, RefuseCase("abuse"))
    tell(node, spoken, RefuseCase("the caller Canary-Smith is drunk"))
    for each in (accused, spoken):
        assert one(client, each)["status_notes"] == "Closed without work."
    assert one(client, main)["status"] == "open"
    assert main in one(client, double)["status_notes"]


def test_notes_and_errors_in_chinese(client: httpx.Client):
    chinese = {"accept-language": "fr;q=0.5, zh-CN, en;q=0.8"}
    case_id = post(client)
    found = client.get(f"/v2/requests/{case_id}.json", headers=chinese).json()[0]
    # The fixture pack speaks English only, so the whole answer stays English.
    assert found["status_notes"] == "Received. It will be looked at."
    content: Any = make_services().pack.content
    spoken = {**content["pack"], "languages": ["en", "zh-CN"]}
    with served(make_services(Pack({**content, "pack": spoken}))) as node:
        http = httpx.Client(base_url=f"{node.url}/open311", headers=chinese)
        assert one(http, post(http))["status_notes"] == "已收到，等待查看。"
        assert http.get("/v2/requests/x.json").json()[0]["description"].startswith("找不到")


def test_the_county_pack_in_both_languages():
    """Every public service and its questions, in both formats; Chinese where it is asked for."""
    pack = load_pack(builtin("county"))
    with served(make_services(pack)) as node:
        for language in ("en", "zh-CN"):
            http = httpx.Client(
                base_url=f"{node.url}/open311", headers={"accept-language": language}
            )
            services = http.get("/v2/services.json").json()
            assert len(services) == len(pack.services) >= 40
            root = fromstring(http.get("/v2/services.xml").content)
            names = [each["service_name"] for each in services]
            assert [each.findtext("service_name") for each in root] == names
            assert all(each["description"] and each["group"] for each in services)
            is_chinese = [any("\u4e00" <= letter <= "\u9fff" for letter in name) for name in names]
            assert all(is_chinese) if language == "zh-CN" else not any(is_chinese)
            for each in services:
                code = each["service_code"]
                definition = http.get(f"/v2/services/{code}.json").json()
                assert bool(definition["attributes"]) == each["metadata"]
                root = fromstring(http.get(f"/v2/services/{code}.xml").content)
                codes = [each.findtext("code") for each in root.iter("attribute")]
                assert codes == [each["code"] for each in definition["attributes"]]
                is_sealed = pack.services[code].terms.sealed
                assert (each["type"] == "blackbox") == is_sealed


# -- what never comes out


def outputs(client: httpx.Client, node: Node, case_id: str) -> str:
    """Everything the public can get of a case, in one text."""
    paths = [
        f"/v2/requests/{case_id}.json?extensions=true",
        f"/v2/requests/{case_id}.xml?extensions=true",
        "/v2/requests.json?extensions=true",
        "/v2/requests.xml",
        "/v2/requests.csv",
        "/v2/servicerequestupdates.json",
        "/v2/servicerequestupdates.xml",
        "/v2/services.json",
        "/discovery.json",
    ]
    return "\n".join(client.get(path).text for path in paths)


def test_words_come_out_only_while_published_and_names_never(client: httpx.Client, node: Node):
    case_id = post(client)
    dispatch(node, case_id)
    for word in (*NAMES, WORDS, STREET, "BLUE"):
        assert word not in outputs(client, node, case_id)
    publish(node, case_id)
    shown = outputs(client, node, case_id)
    for path in (f"/v2/requests/{case_id}.json", "/v2/requests.json"):
        (found,) = client.get(path).json()
        assert (found["description"], found["address"]) == (WORDS, None)
    assert shown.count(WORDS) >= 5
    for name in NAMES:
        assert name not in shown
    tell(node, case_id, PublishCase(False))
    for word in (*NAMES, WORDS, STREET):
        assert word not in outputs(client, node, case_id)


def test_a_list_opens_the_vault_once(client: httpx.Client, node: Node):
    for number in range(12):
        publish(node, post(client, description=f"report {number}"))
    vault: Any = node.services.vault
    before = len(vault.grants)
    listed = client.get("/v2/requests.json").json()
    assert sorted(each["description"] for each in listed) == sorted(
        f"report {n}" for n in range(12)
    )
    told = vault.grants[before:]
    assert len(told) == 12 and {each.purpose for each in told} == {"publication"}
    client.get("/v2/requests.json")
    records = [each for each in vault.records if each.purpose == "publication"]
    assert len({each.ref for each in records}) == len(records), "once a field and permit"


def test_published_text_stays_text(client: httpx.Client, node: Node):
    hostile = "<b>&amp;]]> \x0b\x08\ufffe\U0001f525 =cmd|calc \r\n \u2028"
    case_id = post(client, description=hostile)
    publish(node, case_id)
    assert one(client, case_id)["description"] == hostile.replace("\r\n", "\n")
    root = fromstring(client.get(f"/v2/requests/{case_id}.xml").content)
    kept = hostile.replace("\r\n", "\n").translate({0x0B: None, 0x08: None, 0xFFFE: None})
    assert root.findtext("request/description") == kept


# -- media


def test_photos_are_kept_clean_and_shown_once_released(client: httpx.Client, node: Node):
    from .test_photos import CANARY, with_exif

    files = [("media", ("me-and-my-home.jpg", with_exif(6), "image/jpeg"))]
    answer = client.post("/v2/requests.json", data=REPORT, files=files)
    assert answer.status_code == 200, answer.text
    case_id = answer.json()[0]["service_request_id"]
    url = f"/v2/media/{case_id}/1.jpg"
    assert one(client, case_id)["media_url"] is None
    assert client.get(url).status_code == 404
    publish(node, case_id)
    assert one(client, case_id)["media_url"] is None, "nobody has looked at it"
    assert client.get(url).status_code == 404
    release(node, case_id)
    shown = one(client, case_id)["media_url"]
    assert shown == f"{node.url}/open311{url}"
    photo = httpx.get(shown)
    assert photo.headers["content-type"] == "image/jpeg"
    assert photo.headers["x-content-type-options"] == "nosniff"
    assert photo.headers["cross-origin-resource-policy"] == "cross-origin"
    assert photo.content.startswith(b"\xff\xd8") and CANARY.encode() not in photo.content
    for wrong in ("0.jpg", "2.jpg", "-1.jpg", "x.jpg", "1" * 50 + ".jpg", "²"):
        assert client.get(f"/v2/media/{case_id}/{wrong}").status_code == 404
    tell(node, case_id, PublishCase(False))
    assert client.get(url).status_code == 404


def test_a_media_url_is_shown_once_released_if_it_is_one(client: httpx.Client, node: Node):
    good = post(client, media_url="https://photos.example.org/1.jpg")
    bad = post(client, media_url="javascript:alert(1)")
    publish(node, good)
    publish(node, bad)
    assert one(client, good)["media_url"] is None, "nobody knows what is behind it"
    release(node, good)
    release(node, bad)
    assert one(client, good)["media_url"] == "https://photos.example.org/1.jpg"
    assert one(client, bad)["media_url"] is None


# -- who may


def test_keys():
    with served(make_services(key_required=True)) as node:
        client = httpx.Client(base_url=f"{node.url}/open311")
        missing = client.post("/v2/requests.json", data=REPORT)
        wrong = client.post("/v2/requests.xml", data={**REPORT, "api_key": "guess"})
        assert (missing.status_code, wrong.status_code) == (403, 403)
        assert missing.json()[0]["code"] == 403
        assert fromstring(wrong.content).findtext("error/code") == "403"
        assert rows_of(node) == ()
        post(client, api_key="reporting")
        query = client.post("/v2/requests.json?api_key=reporting", data=REPORT)
        assert query.status_code == 200
        # Reading needs none.
        assert client.get("/v2/requests.json").status_code == 200


def test_a_wrong_key_is_wrong_also_where_none_is_needed(client: httpx.Client):
    assert client.post("/v2/requests.json", data={**REPORT, "api_key": "x"}).status_code == 403
    assert client.post("/v2/requests.json", data={**REPORT, "api_key": ""}).status_code == 200


PLACES = (
    "/v2/services",
    f"/v2/services/{VEHICLE}",
    "/v2/requests",
    "/v2/requests/x",
    "/v2/tokens/x",
    "/v2/servicerequestupdates",
)


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_jurisdictions(standing: httpx.Client, path: str, form: str):
    answer = standing.get(f"{path}.{form}", params={"jurisdiction_id": "elsewhere.gov"})
    assert answer.status_code == 404
    assert answer.headers["content-type"].endswith("; charset=utf-8")
    if form == "json":
        (error,) = answer.json()
    else:
        root = fromstring(answer.content)
        assert root.tag == "errors"
        error = {each.tag: each.text for each in root[0]}
    assert "jurisdiction_id" in error["description"]
    assert str(error["code"]) == "404"
    here = standing.get(f"{path}.{form}", params={"jurisdiction_id": "cityofchicago.org"})
    assert "jurisdiction_id" not in here.text


def test_one_of_several_jurisdictions_must_be_named():
    with served(make_services(), Open311Options(jurisdictions=("a.gov", "b.gov"))) as node:
        client = httpx.Client(base_url=f"{node.url}/open311")
        for path in PLACES:
            answer = client.get(f"{path}.json")
            assert answer.status_code == 400
            assert "jurisdiction_id" in answer.json()[0]["description"]
        assert client.get("/v2/services.json?jurisdiction_id=b.gov").status_code == 200
        assert client.post("/v2/requests.json", data=REPORT).status_code == 400
        post(client, jurisdiction_id="a.gov")


def test_the_store_is_away():
    class Away:
        """A store that lost its connection."""

        def __getattr__(self, name: str) -> Any:
            async def away(*_: Any, **__: Any) -> Any:
                raise Unavailable("connection lost", retry_after_s=7)

            return away

    with served(make_services(store=Away())) as node:
        client = httpx.Client(base_url=f"{node.url}/open311")
        answers = [
            client.post("/v2/requests.json", data=REPORT),
            client.get("/v2/requests.json"),
            client.get("/v2/requests/x.json"),
            client.get("/v2/requests.csv"),
            client.get("/v2/servicerequestupdates.json"),
        ]
        for answer in answers:
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "7"
            assert b"connection lost" not in answer.content
        assert answers[0].json()[0]["code"] == 503
        assert client.get("/v2/services.json").status_code == 200
