from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ringward.kmod.threads import in_threads


@pytest.mark.parametrize("threads", [1, 2, 5, None])
@pytest.mark.parametrize("at_once", [1, 7])
def test_answers_come_in_order(threads: int | None, at_once: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.0001 * (number % 3))
        return number * number

    assert list(in_threads(work, range(200), threads, at_once)) == [n * n for n in range(200)]


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_to_do(threads: int) -> None:
    assert list(in_threads(str, [], threads)) == []


def test_several_threads_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert sorted(in_threads(lambda _: meeting.wait(), range(3), 3)) == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_the_work_raises_is_raised(threads: int) -> None:
    def work(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    answers = in_threads(work, range(9), threads)
    assert [next(answers) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(answers)


def test_items_are_taken_only_as_they_are_needed_and_threads_end() -> None:
    taken = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    before = threading.active_count()
    answers = in_threads(lambda number: number, items(), 2, 3)
    assert next(answers) == 0
    assert threading.active_count() == before + 2
    answers.close()  # type: ignore[attr-defined]
    assert len(taken) <= 2 * 2 * 3 + 3
    assert threading.active_count() == before


def test_work_goes_ahead_of_items_that_come_slowly() -> None:
    done: list[int] = []

    def items() -> Iterator[int]:
        yield from range(50)
        # Far more than twice as many as threads have been done, while nobody took an answer but what was finished.
        deadline = time.monotonic() + 20
        while len(done) < 50 and time.monotonic() < deadline:
            time.sleep(0.001)
        yield len(done)

    def work(number: int) -> int:
        done.append(number)
        return number

    assert list(in_threads(work, items(), 2, ahead=100)) == [*range(50), 50]


def test_what_is_finished_is_not_kept_until_more_items_have_come() -> None:
    came: list[int] = []

    def items() -> Iterator[int]:
        for number in range(2000):
            came.append(number)
            time.sleep(0.001)
            yield number

    answers = in_threads(lambda number: number, items(), 2, ahead=5000)
    assert next(answers) == 0
    assert len(came) < 2000
    answers.close()  # type: ignore[attr-defined]
