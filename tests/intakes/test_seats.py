"""Who gets up for a newcomer: whoever has not shown that it is a device, the oldest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tocsin.runtime.seats import LEAST, RESERVE, Seats, shared_seats


def seats(most: int, per_address: int) -> tuple[Seats[int], list[int]]:
    gone: list[int] = []
    return Seats[int](most, per_address, gone.append), gone


def test_a_newcomer_takes_the_seat_that_was_lent_for_the_longest():
    made, gone = seats(3, 10)
    assert all(made.take(who, f"a{who}") for who in range(3))
    made.prove(0)
    assert made.take(3, "a3")
    assert gone == [1] and len(made) == 3
    made.prove(2)
    made.prove(3)
    assert not made.take(4, "a4"), "only devices sit here"
    made.leave(0)
    assert made.take(4, "a4")


def test_an_address_makes_room_for_its_own_alone():
    made, gone = seats(10, 2)
    made.take(0, "b")
    assert made.take(1, "a") and made.take(2, "a") and made.take(3, "a")
    assert gone == [1] and made.addresses == {"b": 1, "a": 2}
    made.prove(2)
    made.prove(3)
    assert not made.take(4, "a")
    assert gone == [1], "another address is not asked to get up"


@given(st.lists(st.tuples(st.sampled_from("tpl"), st.integers(0, 30), st.sampled_from("ab"))))
def test_never_more_than_there_are_and_no_device_gets_up(deeds: list[tuple[str, int, str]]):
    made, gone = seats(5, 3)
    proven: set[int] = set()
    sitting: dict[int, str] = {}
    for deed, who, address in deeds:
        if deed == "t" and who not in sitting:
            before = len(gone)
            if made.take(who, address):
                sitting[who] = address
            for each in gone[before:]:
                assert each not in proven
                sitting.pop(each)
        elif deed == "p" and who in sitting:
            made.prove(who)
            proven.add(who)
        elif deed == "l":
            made.leave(who)
            sitting.pop(who, None)
            proven.discard(who)
        assert len(made) == len(sitting) <= 5
        held = list(sitting.values())
        assert made.addresses == {each: held.count(each) for each in held}
        assert all(count <= 3 for count in made.addresses.values())


def test_descriptors_are_shared_where_they_are_few():
    assert shared_seats(65_536, 4_000, 2) == (4_000, 30_640)
    assert shared_seats(1_024, 4_000, 0) == (768, 0)
    assert shared_seats(1_024, 4_000, 2) == (384, 192)
    for descriptors in (320, 600, 1_024, 9_000):
        people, devices = shared_seats(descriptors, 4_000, 3)
        assert people >= LEAST and devices >= LEAST
        assert people + 3 * devices <= descriptors - RESERVE
