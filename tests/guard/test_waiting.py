from __future__ import annotations

from ringward.guard.waiting import KEEP_NS, Waiting
from ringward.trust.entry import Item, Pending


def one(number: int) -> Pending:
    return Pending(Item(bytes([number]) * 32, "alias", ""), "denied", "why", 1, 1)


def test_it_is_gathered_for_a_while() -> None:
    waiting = Waiting()
    assert waiting.due(0) == []
    waiting.add(one(1))
    assert waiting.due(5) == []
    waiting.add(one(2))
    assert waiting.due(4 + KEEP_NS) == []
    assert waiting.due(5 + KEEP_NS) == [one(1), one(2)]
    assert waiting.due(9 + KEEP_NS, at_once=True) == []
    waiting.add(one(1))
    assert waiting.due(9 + KEEP_NS, at_once=True) == [one(1)]


def test_each_is_taken_once_and_no_more_than_there_is_room_for() -> None:
    waiting = Waiting(2)
    added = [waiting.add(one(number)) for number in (1, 1, 2, 3, 3, 4)]
    assert added == [False, False, False, True, False, False]
    assert waiting.due(0, at_once=True) == [one(1), one(2)]
    assert not waiting.add(one(1))
    assert waiting.due(0, at_once=True) == []
