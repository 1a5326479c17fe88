"""Service request updates: what happened, told to other systems; what they know, taken."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from defusedxml.ElementTree import fromstring

from tocsin.kernel.cases.vocabulary import FailCheck, MergeCase, ReopenCase, UnmergeCase
from tocsin.kernel.shared import Actor, ActorId

from .node import NAMES, WORDS, Node, dispatch, finish, post, state, tell

PATH = "/v2/servicerequestupdates"
VERA = Actor(ActorId("vera"), "staff", ("verifier",))


def told(client: httpx.Client, **query: str) -> list[dict[str, Any]]:
    answer = client.get(f"{PATH}.json", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def notes(client: httpx.Client, case_id: str) -> list[tuple[str, str]]:
    found = told(client, service_request_id=case_id)
    return [(each["status"], each["description"]) for each in found]


def test_the_whole_way(client: httpx.Client, node: Node):
    case_id = post(client)
    dispatch(node, case_id)
    finish(node, case_id)
    assert notes(client, case_id) == [
        ("open", "Received."),
        ("open", "Accepted. It will be handed to the body in charge."),
        ("open", "Registered. The body in charge is being told."),
        ("open", "Sent to the body in charge."),
        ("open", "Work is under way."),
        ("open", "Reported as done. Someone else is checking it."),
        ("closed", "Done and checked."),
    ]
    updates = told(client)
    assert len({each["update_id"] for each in updates}) == len(updates)
    assert {each["service_request_id"] for each in updates} == {case_id}
    shown = str(updates)
    for hidden in (*NAMES, WORDS, "wim", "vera", "dora"):
        assert hidden not in shown


def test_reopened_and_merged_and_back(client: httpx.Client, node: Node):
    main, double = post(client), post(client, description="the same")
    tell(node, main, MergeCase(double, 0.9, ()))
    tell(node, main, UnmergeCase(double, "another car"))
    assert notes(client, double)[1:] == [
        ("closed", f"The same matter is handled as request {main}."),
        ("open", "Handled on its own again."),
    ]
    dispatch(node, double)
    finish(node, double)
    tell(node, double, ReopenCase("still there"))
    assert notes(client, double)[-1] == ("open", "Opened again.")


def test_a_failed_check(client: httpx.Client, node: Node):
    case_id = post(client)
    dispatch(node, case_id)
    (task,) = state(node, case_id).tasks
    answer = send(client, case_id, api_key="crew", status="closed", description="done")
    assert answer.status_code == 200, answer.text
    assert state(node, case_id).status == "claimed_done"
    assert state(node, case_id).tasks[0].id == task.id
    tell(node, case_id, FailCheck("not done"), by=VERA)
    assert notes(client, case_id)[-1][1] == "The check found it is not done. Work goes on."
    # The update that came in is told under the id its sender got, so they know it again.
    assert answer.json()[0]["update_id"] in {each["update_id"] for each in told(client)}


def test_between_two_dates(client: httpx.Client, node: Node):
    first = post(client)
    node.clock.move(hours=5)
    second = post(client, description="later")
    tell(node, first)
    early = told(client, end_date="2026-03-02T09:00:00Z", start_date="2026-03-01T00:00:00Z")
    late = told(client, start_date="2026-03-02T09:00:00Z", end_date="2026-03-03T00:00:00Z")
    assert [each["service_request_id"] for each in early] == [first]
    assert [each["service_request_id"] for each in late] == [second]
    assert told(client, start_date="2026-03-04T00:00:00Z") == []


def test_pages_of_requests(client: httpx.Client, node: Node):
    made = {post(client, description=str(number)) for number in range(5)}
    seen: list[str] = []
    url: str | None = f"{PATH}.json?page_size=2"
    while url:
        answer = client.get(url)
        seen += [each["service_request_id"] for each in answer.json()]
        url = answer.links.get("next", {}).get("url")
    assert set(seen) == made and len(seen) == 5


def test_in_xml(client: httpx.Client):
    case_id = post(client)
    root = fromstring(client.get(f"{PATH}.xml").content)
    assert root.tag == "service_request_updates"
    assert root[0].tag == "request_update"
    assert root[0].findtext("service_request_id") == case_id
    assert root[0].findtext("updated_datetime") == "2026-03-02T08:00:00Z"


# -- taken


def send(client: httpx.Client, case_id: str, form: str = "json", **fields: str) -> httpx.Response:
    data = {
        "service_request_id": case_id,
        "update_id": "theirs-7",
        "updated_datetime": "2026-03-02T08:30:00Z",
        "status": "OPEN",
        "description": "Still there,\r\nsays canary-note.",
        "first_name": "Ada",
        "last_name": NAMES[0],
        "email": NAMES[1],
        "api_key": "partner",
        **fields,
    }
    return client.post(f"{PATH}.{form}", data=data)


def test_an_update_becomes_a_sealed_note_once(client: httpx.Client, node: Node):
    case_id = post(client)
    answer = send(client, case_id)
    assert answer.status_code == 200, answer.text
    (taken,) = answer.json()
    entries = node.run(node.services.store.journal(case_id))
    assert len(entries) == 2
    ref = entries[1].events[0].text
    opened = node.run(node.services.vault.open([ref], by=VERA, purpose="test"))
    assert opened[ref][0] == b"Still there,\nsays canary-note."
    assert "canary" not in repr(entries) and NAMES[0] not in repr(entries)
    node.clock.move(days=1)
    assert send(client, case_id).json() == [taken]
    assert len(node.run(node.services.store.journal(case_id))) == 2
    assert send(client, case_id, description="another text").status_code == 400
    assert send(client, case_id, update_id="theirs-8").json() != [taken]
    # Notes are for staff.
    assert notes(client, case_id) == [("open", "Received.")]
    root = fromstring(send(client, case_id, "xml", update_id="theirs-9").content)
    assert root.findtext("request_update/update_id")


def test_only_an_agency_with_the_task_claims_it_done(client: httpx.Client, node: Node):
    case_id = post(client)
    assert send(client, case_id, status="closed", api_key="crew").status_code == 200
    assert state(node, case_id).status == "received"
    dispatch(node, case_id)
    assert send(client, case_id, status="CLOSED", update_id="8").status_code == 200
    assert state(node, case_id).status == "dispatched"
    done = send(client, case_id, status="CLOSED", update_id="9", api_key="crew")
    assert done.status_code == 200
    assert state(node, case_id).status == "claimed_done"
    assert (
        send(client, case_id, status="CLOSED", update_id="9", api_key="crew").json() == done.json()
    )


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"api_key": ""}, 403),
        ({"api_key": "guess"}, 403),
        ({"api_key": "reporting"}, 403),
        ({"service_request_id": ""}, 400),
        ({"service_request_id": "nothing"}, 404),
        ({"jurisdiction_id": "elsewhere"}, 404),
        ({"description": " "}, 400),
        ({"description": "x" * 4_001}, 400),
        ({"description": "\x00"}, 400),
        ({"update_id": "x" * 101}, 400),
    ],
)
def test_updates_that_are_not_taken(
    client: httpx.Client, node: Node, fields: dict[str, str], status: int
):
    case_id = post(client)
    answer = send(client, case_id, **fields) if "service_request_id" not in fields else None
    if answer is None:
        answer = send(client, fields["service_request_id"])
    assert answer.status_code == status, answer.text
    assert answer.json()[0]["description"]
    assert len(node.run(node.services.store.journal(case_id))) == 1
