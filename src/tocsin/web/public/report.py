"""A report in three steps: the words, the place, a last look. Works without JavaScript or a cookie.

Every step is one POST to the same address that answers with the next page; what was typed comes
along in hidden fields, so that no step can lose it and nothing of it stands in an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from starlette.responses import Response

from tocsin.kernel.shared import Refused
from tocsin.packs.answers import check_answers
from tocsin.packs.parts import CaseType, Field
from tocsin.runtime.photos import BYTES_MAX
from tocsin.runtime.reception import LINE_LIMIT, MEDIA_LIMIT, Photo
from tocsin.web.gate import too_many
from tocsin.web.problems import refuse
from tocsin.web.public.forms import Form, read_form
from tocsin.web.public.locating import Spots, outside, spots_of
from tocsin.web.public.page import Asked, admit_sender
from tocsin.web.public.sending import RESIDENT, incoming_of, receipt_page
from tocsin.web.public.typed import (
    ANSWER,
    TEXT_MAX,
    Typed,
    Wrong,
    fresh_key,
    questions,
    typed_of,
    wrong_where,
    wrong_words,
)

PHOTO_MB: Final = BYTES_MAX // 2**20
LIFE_SAFETY: Final = "emergency"
_PHOTO_WORDS: Final = {
    "photo_too_large": "e_photo_too_large",
    "photo_type": "e_photo_type",
    "photo_damaged": "e_photo_damaged",
    "busy": "e_photo_busy",
}


async def begin(asked: Asked) -> Response:
    """The first step, empty."""
    if asked.services.key_required:
        return asked.page("closed.html", 403, title=asked.say["closed"])
    return _words(asked, Typed(fresh_key()))


async def go_on(asked: Asked) -> Response:
    """Whichever step was sent: the next page, the same one with its mistakes, or the receipt."""
    admit_sender(asked)
    if asked.services.key_required:
        return asked.page("closed.html", 403, title=asked.say["closed"])
    async with read_form(asked.request) as form:
        typed, go, step = typed_of(form), form.get("go"), form.get("step")
        wrong = await _keep_photos(asked, form, typed)
    if go.startswith("lang:"):
        asked = asked.spoken(go.removeprefix("lang:"))
        return await _show(asked, step, typed, wrong)
    if go.startswith("drop:"):
        number = go.removeprefix("drop:")
        if number.isascii() and number.isdigit() and len(number) < 3:
            asked.drafts.drop(typed.draft, int(number))
            typed.photos = str(len(asked.drafts.photos(typed.draft)))
        return _words(asked, typed, wrong)
    if go == "photo":
        return _words(asked, typed, wrong)
    if go in ("words", "where"):
        return await _show(asked, go, typed, wrong)
    if step == "check":
        return await _send(asked, typed)
    if step == "where":
        return await _after_where(asked, typed)
    return await _after_words(asked, typed, wrong)


async def _show(asked: Asked, step: str, typed: Typed, wrong: Sequence[Wrong] = ()) -> Response:
    if step == "emergency":
        return _emergency(asked, typed, _dangers(asked, typed), "words")
    if step == "where":
        return _where(asked, typed)
    if step == "check" and asked.services.pack.case_types.get(typed.case_type) is not None:
        return await _check(asked, typed)
    return _words(asked, typed, wrong)


# -- photos ----------------------------------------------------------------------------


async def _keep_photos(asked: Asked, form: Form, typed: Typed) -> list[Wrong]:
    """The photos that came along, developed and kept for the last step."""
    wrong: list[Wrong] = []
    for file in form.files:
        photo: Photo | Refused = (
            file if isinstance(file, Refused) else await asked.web.darkroom.develop(file)
        )
        if isinstance(photo, Refused):
            key = _PHOTO_WORDS.get(photo.reason)
            if key is None:
                raise refuse(photo)
            wrong.append(Wrong("photo", key, {"mb": str(PHOTO_MB)}))
        else:
            typed.draft = asked.drafts.add(typed.draft, photo)
    if form.files:
        typed.photos = str(len(asked.drafts.photos(typed.draft)))
    return wrong


# -- the first step --------------------------------------------------------------------


def _words(asked: Asked, typed: Typed, wrong: Sequence[Wrong] = ()) -> Response:
    photos = asked.drafts.photos(typed.draft)
    return _step(
        asked,
        "report_words.html",
        typed,
        wrong,
        hidden=typed.hidden("text"),
        kept=[round(len(each.data) / 1024) for each in photos],
        photos_max=MEDIA_LIMIT,
        photo_mb=PHOTO_MB,
        text_max=TEXT_MAX,
    )


async def _after_words(asked: Asked, typed: Typed, wrong: list[Wrong]) -> Response:
    wrong = wrong_words(typed) + wrong
    if wrong:
        return _words(asked, typed, wrong)
    dangers = _dangers(asked, typed)
    if dangers:
        return _emergency(asked, typed, dangers, "words")
    return _where(asked, typed)


def _dangers(asked: Asked, typed: Typed) -> tuple[str, ...]:
    """The emergency words that the reader has not yet called none."""
    calm = set(typed.calm.split("|"))
    words = asked.services.pack.emergency.found(f"{typed.text}\n{typed.address}")
    return tuple(word for word in words if word not in calm)


def _emergency(
    asked: Asked, typed: Typed, dangers: Sequence[str], step: str, why: str = ""
) -> Response:
    """The telephone before the form, with a way on."""
    calm = "|".join((*(each for each in typed.calm.split("|") if each), *dangers))
    return asked.page(
        "emergency.html",
        title=asked.say["emergency"],
        form="report",
        hidden=typed.hidden("calm"),
        calm=calm,
        step=step,
        found=why or ", ".join(dangers),
    )


# -- the second step -------------------------------------------------------------------


def _where(asked: Asked, typed: Typed, wrong: Sequence[Wrong] = ()) -> Response:
    pack = asked.services.pack
    likely = [
        each
        for code, _ in pack.guess(typed.text, asked.language)
        if (each := pack.case_types.get(code)) is not None and each.public
    ]
    kinds = [each.code for each in likely]
    if not typed.kind and not typed.other and kinds:
        typed.kind = kinds[0]
    if typed.kind not in ("", "other", *kinds):
        typed.kind, typed.other = "other", typed.kind
    groups = [
        (
            asked.words(group.name),
            [
                (each.code, asked.words(each.title))
                for each in pack.case_types.values()
                if each.public and each.group == group.code
            ],
        )
        for group in pack.groups
    ]
    return _step(
        asked,
        "report_where.html",
        typed,
        wrong,
        shows_map=True,
        hidden=typed.hidden(
            *("address", "lon", "lat", "spot", "kind", "other", "name", "phone", "email", "consent")
        ),
        likely=[
            (each.code, asked.words(each.title), asked.words(each.description)) for each in likely
        ],
        groups=groups,
        bounds=",".join(f"{each:.5f}" for each in asked.services.atlas.bounds),
        line_max=LINE_LIMIT,
    )


async def _after_where(asked: Asked, typed: Typed) -> Response:
    pack = asked.services.pack
    wrong = _two_kinds(asked, typed) or wrong_where(typed, pack)
    if not any(each.field == "address" for each in wrong):
        wrong += await _wrong_place(asked, typed)
    if wrong:
        return _where(asked, typed, wrong)
    dangers = _dangers(asked, typed)
    if dangers:
        return _emergency(asked, typed, dangers, "where")
    case_type = pack.case_types[typed.case_type]
    mark = f"type:{case_type.code}"
    if case_type.terms.profile == LIFE_SAFETY and mark not in typed.calm.split("|"):
        return _emergency(asked, typed, [mark], "where", asked.words(case_type.title))
    return await _check(asked, typed)


def _two_kinds(asked: Asked, typed: Typed) -> list[Wrong]:
    """The long list counts over a guess that was only left standing; not over another choice."""
    if typed.kind in ("", "other", typed.other) or not typed.other:
        return []
    guesses = asked.services.pack.guess(typed.text, asked.language)
    if guesses and typed.kind != guesses[0][0]:
        return [Wrong("kind", "e_two_kinds")]
    typed.kind = "other"
    return []


async def _wrong_place(asked: Asked, typed: Typed) -> list[Wrong]:
    """Whether the place lies in no area of ours."""
    place = typed.place
    if place is not None:
        near = outside(place, asked.services, asked.language)
    else:
        near = (await spots_of(typed.address, asked.services, asked.language)).outside
    return [Wrong("address", "e_outside", {"near": near})] if near else []


# -- the last step ---------------------------------------------------------------------


async def _check(
    asked: Asked, typed: Typed, wrong: Sequence[Wrong] = (), status: int | None = None
) -> Response:
    case_type = asked.services.pack.case_types[typed.case_type]
    spots = Spots()
    if not typed.lon:
        spots = await spots_of(typed.address, asked.services, asked.language)
    if not typed.spot and spots.inside and spots.inside[0].is_exact:
        typed.spot = spots.inside[0].value
    return _step(
        asked,
        "report_check.html",
        typed,
        wrong,
        status,
        hidden=typed.hidden("spot", "answers"),
        kind=asked.words(case_type.title),
        questions=[_question(asked, each, typed) for each in questions(case_type)],
        spots=spots.inside,
        kept=len(asked.drafts.photos(typed.draft)),
        on_map=bool(typed.lon),
        line_max=LINE_LIMIT,
    )


def _question(asked: Asked, each: Field, typed: Typed) -> dict[str, Any]:
    given = typed.answers.get(each.code, ())
    return {
        "name": f"{ANSWER}{each.code}",
        "kind": each.kind,
        "label": asked.words(each.label),
        "hint": asked.words(each.hint) if each.hint else "",
        "required": each.required,
        "values": [(key, asked.words(words)) for key, words in each.values],
        "given": given,
        "value": given[0] if given else "",
    }


def _wrong_answers(asked: Asked, typed: Typed, case_type: CaseType) -> list[Wrong]:
    """One mistake for each question; the pack's own check has the last word."""
    found: list[Wrong] = []
    for each in questions(case_type):
        given = typed.answers.get(each.code, ())
        slots = {"label": asked.words(each.label)}
        if each.required and not given:
            found.append(Wrong(f"{ANSWER}{each.code}", "e_answer", slots))
        elif isinstance(check_answers((each,), {each.code: given}), Refused):
            found.append(Wrong(f"{ANSWER}{each.code}", "e_answer_bad", slots))
    return found


async def _send(asked: Asked, typed: Typed) -> Response:
    """The report goes in, once; a second sending gets the first receipt."""
    pack = asked.services.pack
    if wrong_words(typed):
        return _words(asked, typed, wrong_words(typed))
    misplaced = wrong_where(typed, pack)
    if not misplaced:
        misplaced = await _wrong_place(asked, typed)
    if misplaced:
        return _where(asked, typed, misplaced)
    case_type = pack.case_types[typed.case_type]
    wrong = _wrong_answers(asked, typed, case_type)
    photos = asked.drafts.photos(typed.draft)
    if typed.photos.isdigit() and int(typed.photos[:2]) > len(photos):
        typed.photos = str(len(photos))
        wrong.append(Wrong("photos", "e_photo_gone"))
    if wrong:
        return await _check(asked, typed, wrong)
    wait = asked.services.keyless_wait_s(asked.request.scope)
    if wait:
        raise too_many(wait)
    incoming = incoming_of(asked, typed, case_type, photos)
    received = await asked.services.reception.receive(incoming, RESIDENT)
    if isinstance(received, Refused):
        return await _refused(asked, typed, received)
    asked.web.metrics.commits.labels("open_case").inc()
    return receipt_page(asked, received)


async def _refused(asked: Asked, typed: Typed, refused: Refused) -> Response:
    """A refusal beside the field it is about; everything typed stays."""
    match refused.reason:
        case "key_reused":
            typed.key = fresh_key()
            return await _check(asked, typed, [Wrong("send", "e_sent_already")], 409)
        case "outside" | "bad_place":
            near = refused.detail.partition(",")[0]
            return _where(asked, typed, [Wrong("address", "e_outside", {"near": near})])
        case "place_missing":
            return _where(asked, typed, [Wrong("address", "e_address")])
        case _:
            raise refuse(refused)


# -- shared ----------------------------------------------------------------------------


def _step(
    asked: Asked,
    template: str,
    typed: Typed,
    wrong: Sequence[Wrong],
    status: int | None = None,
    **values: Any,
) -> Response:
    """A step with its mistakes said above it and beside each field."""
    errors = [(each.field, asked.say[each.key].format(**each.slots)) for each in wrong]
    return asked.page(
        template,
        status or (422 if errors else 200),
        title=asked.say["report"],
        form="report",
        typed=typed,
        errors=errors,
        mistakes=dict(reversed(errors)),
        first=errors[0][0] if errors else "",
        has_error=bool(errors),
        **values,
    )
