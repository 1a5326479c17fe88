"""Lists: cases, the tasks of one's agencies, one's inbox, and the live stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Query, Request
from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tocsin.kernel.cases.state import Clock, Status, Task
from tocsin.kernel.shared import AgencyId, AreaId, CaseId
from tocsin.runtime.addresses import audiences_of
from tocsin.runtime.board import GONE
from tocsin.runtime.onlooking import seeing_also
from tocsin.runtime.ports import CaseQuery, Message
from tocsin.stores.querying import BadCursor, read_cursor
from tocsin.web.api.common import STAFF, AccessArg, json, problems, router, shown
from tocsin.web.gate import Access
from tocsin.web.live import EventStream
from tocsin.web.live import View as LiveView
from tocsin.web.problems import Problem
from tocsin.web.regions import count_cases, list_cases, regions_of, sees
from tocsin.web.shapes import ID, WORD, Filter, InstantText, like
from tocsin.web.telling import tell
from tocsin.web.views import CASE_EXAMPLE, CasesView, View, row_view

routes: APIRouter = router("lists")

PAGE_MAX: Final = 200
"""Cases of one page: a screen shows fifty; each is some kilobytes."""

Flag = Literal["true", "false"]


def whole_number(value: Any) -> Any:
    """Digits only, fewer than nine: for numbers in a query."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) < 9):
        raise ValueError("a whole number")
    return value


Limit = Annotated[
    int,
    BeforeValidator(whole_number),
    Field(ge=1, le=PAGE_MAX),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": PAGE_MAX, "examples": [50]}),
]
Cursor = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")
]
IdFilter = Annotated[str, StringConstraints(pattern=ID, max_length=120)]
WordFilter = Annotated[str, StringConstraints(pattern=WORD)]


class CountView(View):
    """How many there are."""

    model_config = like({"count": 42})

    count: int


class TaskView(View):
    """One agency's share of a case, with what is needed to choose the next."""

    case_id: str
    case_type: str
    priority: int
    status: Status
    due_at: datetime | None
    task: Task


class TasksView(View):
    """The tasks of one's agencies, the most urgent first."""

    model_config = like(
        {
            "tasks": [
                {
                    "case_id": "01hx",
                    "case_type": "street-light-out",
                    "priority": 3,
                    "status": "dispatched",
                    "due_at": "2026-11-25T01:30:00+00:00",
                    "task": {
                        "id": "01hx-1",
                        "agency": "lighting@county",
                        "role": "lead",
                        "status": "dispatched",
                        "dispatched_at": "2026-11-22T01:30:00+00:00",
                        "acknowledged_at": None,
                        "started_at": None,
                        "claimed_at": None,
                        "claimed_by": None,
                        "assigned_to": None,
                        "evidence": [],
                    },
                }
            ],
            "next": None,
        }
    )
    tasks: tuple[TaskView, ...]
    next: str | None


class MessageView(View):
    """One message to one's desk, in words."""

    key: str
    case_id: str
    at: datetime
    audience: str
    template: str
    text: str


class InboxView(View):
    """The newest messages first."""

    model_config = like(
        {
            "messages": [
                {
                    "key": "01hx:7:0:role:dispatcher@county",
                    "case_id": "01hx",
                    "at": "2026-11-22T01:30:00+00:00",
                    "audience": "role:dispatcher@county",
                    "template": "late",
                    "text": "A promise was not kept: street light out.",
                }
            ],
            "next": None,
        }
    )
    messages: tuple[MessageView, ...]
    next: str | None


class Filters(Filter):
    """Which cases; conditions of different kinds must all hold, those of one kind are choices."""

    area: IdFilter | None = Field(None, description="An area of any tier, with all below it.")
    status: Annotated[list[Status], Field(max_length=11)] = Field(default_factory=list[Status])
    agency: Annotated[list[IdFilter], Field(max_length=20)] = Field(default_factory=list[str])
    case_type: Annotated[list[WordFilter], Field(max_length=50)] = Field(default_factory=list[str])
    priority: Annotated[list[Literal["1", "2", "3", "4"]], Field(max_length=4)] = Field(
        default_factory=list[Literal["1", "2", "3", "4"]]
    )
    open_only: Flag = "false"
    published_only: Flag = "false"
    opened_from: InstantText | None = None
    opened_to: InstantText | None = None
    updated_from: InstantText | None = None
    updated_to: InstantText | None = None
    due_before: InstantText | None = None

    def query(self, access: Access, **more: Any) -> CaseQuery:
        """The query of the store. Raises `Problem` for an unknown area."""
        if self.area is not None and self.area not in access.services.atlas.areas:
            raise Problem("unknown_area")
        return CaseQuery(
            area=AreaId(self.area) if self.area is not None else None,
            statuses=tuple(self.status),
            agencies=tuple(AgencyId(each) for each in self.agency),
            case_types=tuple(self.case_type),
            priorities=tuple(int(each) for each in self.priority),
            open_only=self.open_only == "true",
            published_only=self.published_only == "true",
            opened_from=self.opened_from,
            opened_to=self.opened_to,
            updated_from=self.updated_from,
            updated_to=self.updated_to,
            due_before=self.due_before,
            **more,
        )


class PagedFilters(Filters):
    """Filters, the order, and which page."""

    order: Literal["due", "opened", "updated"] = "due"
    after: Cursor | None = Field(None, description="The cursor `next` of the page before.")
    limit: Limit = 50


class TaskFilters(Filter):
    """Which tasks, and which page."""

    area: IdFilter | None = None
    after: Cursor | None = None
    limit: Limit = 50


@routes.get(
    "/cases",
    operation_id="case.list",
    summary="Cases within one's scope, filtered, page by page.",
    **shown(CasesView, *STAFF, 404, 409),
)
async def cases(access: AccessArg, filters: Annotated[PagedFilters, Query()]) -> Response:
    query = filters.query(
        access, order=filters.order, after=_read(filters.after), limit=filters.limit
    )
    atlas = access.services.atlas
    regions = regions_of(access.rule, access.who, atlas)
    page = await list_cases(access.services.store, query, regions, atlas)
    return json({"cases": [row_view(row) for row in page.rows], "next": page.next})


def _read(after: str | None) -> str | None:
    if after is not None:
        try:
            read_cursor(after)
        except BadCursor:
            raise Problem("bad_cursor") from None
    return after


@routes.get(
    "/case-count",
    operation_id="case.count",
    summary="How many cases a filter has within one's scope.",
    **shown(CountView, *STAFF, 404),
)
async def count(access: AccessArg, filters: Annotated[Filters, Query()]) -> Response:
    query = filters.query(access)
    atlas = access.services.atlas
    regions = regions_of(access.rule, access.who, atlas)
    return json({"count": await count_cases(access.services.store, query, regions, atlas)})


@routes.get(
    "/tasks",
    operation_id="task.list",
    summary="The open tasks of one's agencies.",
    **shown(TasksView, *STAFF, 404, 409),
)
async def tasks(access: AccessArg, filters: Annotated[TaskFilters, Query()]) -> Response:
    atlas = access.services.atlas
    held = regions_of(access.rule, access.who, atlas)
    regions = [each for each in held if each.agency is not None]
    query = Filters(area=filters.area, open_only="true").query(
        access, after=_read(filters.after), limit=filters.limit
    )
    page = await list_cases(access.services.store, query, regions, atlas)
    mine = {each.agency for each in regions}
    found = [
        {
            "case_id": row.case.id,
            "case_type": row.case.case_type,
            "priority": row.case.priority,
            "status": row.case.status,
            "due_at": _due_of(row.case.clocks, task.agency),
            "task": task,
        }
        for row in page.rows
        for task in row.case.tasks
        if task.agency in mine and task.status not in GONE
    ]
    return json({"tasks": found, "next": page.next})


def _due_of(clocks: Sequence[Clock], agency: str) -> datetime | None:
    due = [
        clock.due_at
        for clock in clocks
        if clock.paused_at is None and clock.agency in (None, agency)
    ]
    return min(due, default=None)


@routes.get(
    "/inbox",
    operation_id="inbox.list",
    summary="What one's desk was told, the newest first.",
    **shown(InboxView, *STAFF),
)
async def inbox(
    access: AccessArg,
    after: Annotated[
        str | None,
        Query(min_length=1, max_length=400, pattern=r"^[^\x00]+$"),
    ] = None,
    limit: Limit = 50,
) -> Response:
    services, who = access.services, access.who
    audiences: set[str] = set()
    for grant in who.grants:
        if grant.area in services.atlas.areas:
            audiences.update(
                audiences_of((grant.role,), (grant.area,), grant.agency, services.atlas)
            )
    with seeing_also(desks=audiences):
        messages = await services.store.inbox(sorted(audiences), after, limit)
    ids = tuple(dict.fromkeys(message.case_id for message in messages))
    page = await services.store.cases(CaseQuery(ids=ids, limit=len(ids))) if ids else None
    types = {row.case.id: row.case for row in page.rows} if page else {}
    return json(
        {
            "messages": [_message(access, each, types) for each in messages],
            "next": messages[-1].key if len(messages) == limit else None,
        }
    )


def _message(access: Access, message: Message, cases: dict[CaseId, Any]) -> dict[str, Any]:
    case = cases.get(message.case_id)
    return {
        "key": message.key,
        "case_id": message.case_id,
        "at": message.at,
        "audience": message.audience,
        "template": message.template,
        "text": tell(access.services.pack, message.template, access.language, case),
    }


class _Streamed(Response):
    """A stream in the guise of a response, so that FastAPI hands it on as it is."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._stream(scope, receive, send)


@routes.get(
    "/live",
    operation_id="live",
    summary="What changes on the board, as server-sent events; resumes by Last-Event-ID. "
    "Without `Accept: text/event-stream` only where the stream stands.",
    response_class=Response,
    responses={
        200: {
            "description": "A stream of `case` events, until the client goes.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["seq"],
                        "properties": {"seq": {"type": "integer"}},
                    },
                    "example": {"seq": 7},
                },
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": f'id: 7\nevent: case\ndata: {{"case": "{CASE_EXAMPLE["id"]}"}}',
                },
            },
        },
        **problems(*STAFF, 404),
    },
)
async def live(
    request: Request,
    access: AccessArg,
    area: Annotated[IdFilter | None, Query()] = None,
    after: Annotated[
        str | None,
        Query(pattern=r"^[0-9]{1,18}$", description="As Last-Event-ID, for browsers' first try."),
    ] = None,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,18}$")
    ] = None,
) -> Response:
    hub = access.web.hub
    if hub is None:
        raise Problem("unavailable", headers={"retry-after": "60"})
    atlas = access.services.atlas
    if area is not None and area not in atlas.areas:
        raise Problem("unknown_area")
    if "text/event-stream" not in request.headers.get("accept", ""):
        return json({"seq": hub.seq})
    regions = regions_of(access.rule, access.who, atlas)

    def may_see(areas: Sequence[AreaId], agencies: Sequence[AgencyId]) -> bool:
        if area is not None and area not in areas:
            return False
        return any(sees(region, areas, agencies) for region in regions)

    holder = access.who.session or access.who.id
    view = LiveView((regions, area), may_see)
    return _Streamed(EventStream(hub, view, last_event_id or after, holder))
