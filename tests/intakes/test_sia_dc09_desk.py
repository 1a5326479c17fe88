"""DC-09 before the real desk: what a panel says becomes alarms of the pack's kinds."""

from __future__ import annotations

import os

from tests.intakes.node import make_services
from tocsin.intakes.sia_dc09.accounts import Dc09Settings
from tocsin.intakes.sia_dc09.dialler import Dialler
from tocsin.intakes.sia_dc09.frames import Splitter
from tocsin.intakes.sia_dc09.receiver import Receiver
from tocsin.packs.find import builtin
from tocsin.packs.load import load_pack
from tocsin.runtime.ports import AlarmQuery


async def test_what_a_panel_says_becomes_alarms_and_a_restore_of_nothing_is_taken():
    services = make_services(load_pack(builtin("county")))
    receiver = Receiver(Dc09Settings(), services.alarms, services.clock, os.urandom)
    panel = Dialler("0123", services.clock.now, os.urandom)

    async def say(frame: bytes) -> str:
        (cut,) = Splitter().feed(frame)
        answer = await receiver.answer(cut)
        if answer.alive is not None:
            await receiver.keep_alive(answer.alive)
        (read,) = Splitter().feed(answer.data or b"")
        return panel.read(read).said

    fire = panel.contact_id("110", 5)
    frames = [fire, fire, panel.contact_id("302"), panel.sia("FA", 9, 1, "HALL"), panel.poll()]
    # A restore of nothing, and one that ends either of two alarms of which one was never raised:
    # a panel would send it for ever if it were not taken.
    frames += [panel.contact_id("110", 77, qualifier="3"), panel.sia("FR", 9, 1)]
    frames += [panel.contact_id("401", 7), panel.contact_id("601"), panel.sia("ZX", 3)]
    assert [await say(frame) for frame in frames] == ["ACK"] * len(frames)
    kinds = sorted(kind for _, kind in services.alarms.book.open)
    assert kinds == ["battery", "smoke", "smoke"]


async def test_a_frame_that_was_kept_before_a_kill_is_known_by_the_next_receiver():
    services = make_services(load_pack(builtin("county")))
    panel = Dialler("0123", services.clock.now, os.urandom)
    (frame,) = Splitter().feed(panel.contact_id("110", 5))
    for _ in range(2):  # the second is of a node that began anew
        receiver = Receiver(Dc09Settings(), services.alarms, services.clock, os.urandom)
        await receiver.answer(frame)
    (row,) = await services.store.alarms(AlarmQuery())
    assert row.alarm.occurrences == 1
