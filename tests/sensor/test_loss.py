"""Losses: every drop is told once, and a gap without a drop never."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from ringward.events.catalogue.events_lost import EventsLost
from ringward.sensor.loss import NO_PLACE, RING_FULL, CpuCounters, LossTracker, MissTracker


def counters(*cpus: tuple[int, int]) -> list[CpuCounters]:
    """Return counters of (seq, dropped) for each CPU."""
    return [CpuCounters(seq, dropped, 0, 0) for seq, dropped in cpus]


def saw(tracker: LossTracker, cpu: int, *numbers: int) -> None:
    for number in numbers:
        tracker.saw(cpu, number)


def test_a_gap_that_the_kernel_confirms_is_a_loss() -> None:
    tracker = LossTracker()
    saw(tracker, 0, 1, 2, 6, 7)
    assert tracker.losses(counters((7, 3))) == [EventsLost(3, 0, 3, 5, RING_FULL)]
    assert tracker.losses(counters((7, 3))) == []


def test_a_gap_that_it_does_not_confirm_is_none() -> None:
    tracker = LossTracker()
    saw(tracker, 0, 1, 4)
    assert tracker.losses(counters((4, 0))) == []
    saw(tracker, 0, 3, 2, 5)
    assert tracker.losses(counters((5, 0))) == []


def test_what_came_late_is_not_between_the_numbers() -> None:
    tracker = LossTracker()
    saw(tracker, 0, 1, 10, 2, 3, 9)
    assert tracker.losses(counters((10, 5))) == [EventsLost(5, 0, 4, 8, RING_FULL)]


def test_a_loss_behind_what_was_read_reaches_to_the_last_number_given() -> None:
    tracker = LossTracker()
    saw(tracker, 0, 1, 2)
    assert tracker.losses(counters((20, 4))) == [EventsLost(4, 0, 3, 20, RING_FULL)]
    # The gap is read later: it is the loss that was told.
    saw(tracker, 0, *range(3, 15), *range(19, 21))
    assert tracker.losses(counters((20, 4))) == []
    saw(tracker, 0, 21, 24)
    assert tracker.losses(counters((24, 6))) == [EventsLost(2, 0, 22, 23, RING_FULL)]


def test_a_loss_in_a_gap_and_behind_it_is_one() -> None:
    tracker = LossTracker()
    saw(tracker, 0, 1, 3)
    assert tracker.losses(counters((9, 4))) == [EventsLost(4, 0, 2, 9, RING_FULL)]


def test_cpus_are_apart() -> None:
    tracker = LossTracker()
    saw(tracker, 1, 1, 4)
    saw(tracker, 0, 1, 2, 3, 4)
    assert tracker.losses(counters((4, 0), (4, 2))) == [EventsLost(2, 1, 2, 3, RING_FULL)]


def test_a_call_without_its_entry_is_told_without_numbers() -> None:
    tracker = LossTracker()
    (lost,) = tracker.losses([CpuCounters(9, 0, 0, 2)])
    assert (lost.count, lost.lost_on, lost.first_seq, lost.last_seq) == (2, 0, None, None)
    assert "calls at once" in lost.reason
    assert tracker.losses([CpuCounters(9, 0, 0, 2)]) == []


def test_what_was_filtered_is_no_loss() -> None:
    assert LossTracker().losses([CpuCounters(9, 0, 1000, 0)]) == []


@dataclass
class Cpu:
    """One CPU: takes numbers, submits now or later, or finds no room."""

    seq: int = 0
    lost: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    ring: list[int] = field(default_factory=list)

    def do(self, action: str) -> None:
        if action in ("submit", "late", "drop"):
            self.seq += 1
            {"submit": self.ring, "late": self.late, "drop": self.lost}[action].append(self.seq)
        elif action == "arrive" and self.late:
            self.ring.append(self.late.pop(0))


ACTIONS = st.sampled_from(["submit", "submit", "submit", "late", "arrive", "drop", "read one", "read", "count"])


@given(st.lists(st.tuples(st.integers(0, 2), ACTIONS), max_size=80))
def test_the_sum_of_the_losses_is_what_was_dropped(actions: list[tuple[int, str]]) -> None:
    tracker = LossTracker()
    cpus = [Cpu() for _ in range(3)]
    told: list[EventsLost] = []

    def count() -> None:
        for lost in tracker.losses(counters(*((cpu.seq, len(cpu.lost)) for cpu in cpus))):
            assert lost.lost_on is not None
            assert lost.first_seq is not None
            assert lost.last_seq is not None
            cpu = cpus[lost.lost_on]
            told.append(lost)
            # Each report is of numbers that were given, as many as it says or more, and never of none.
            assert 1 <= lost.first_seq <= lost.last_seq <= cpu.seq
            assert 0 < lost.count <= len(cpu.lost)

    for number, action in actions:
        cpu = cpus[number]
        cpu.do(action)
        if action.startswith("read"):
            for _ in range(1 if action == "read one" else len(cpu.ring)):
                if cpu.ring:
                    tracker.saw(number, cpu.ring.pop(0))
        elif action == "count":
            count()
            for i, each in enumerate(cpus):
                assert sum(lost.count for lost in told if lost.lost_on == i) == len(each.lost)
    for number, cpu in enumerate(cpus):
        saw(tracker, number, *cpu.ring)
    count()
    assert sum(lost.count for lost in told) == sum(len(cpu.lost) for cpu in cpus)


IN_ORDER = st.sampled_from(["submit", "submit", "drop", "read one", "read", "count"])


@given(st.lists(IN_ORDER, max_size=80))
def test_without_late_ones_each_lost_number_is_in_exactly_one_report(actions: list[str]) -> None:
    tracker = LossTracker()
    cpu = Cpu()
    told: list[EventsLost] = []
    reported = 0
    for action in [*actions, "read", "count"]:
        cpu.do(action)
        if action.startswith("read"):
            for _ in range(1 if action == "read one" else len(cpu.ring)):
                if cpu.ring:
                    tracker.saw(0, cpu.ring.pop(0))
        elif action == "count":
            for lost in tracker.losses(counters((cpu.seq, len(cpu.lost)))):
                assert lost.first_seq is not None
                assert lost.last_seq is not None
                among = [n for n in cpu.lost[reported:] if lost.first_seq <= n <= lost.last_seq]
                assert len(among) == lost.count
                assert not told or (told[-1].last_seq is not None and told[-1].last_seq < lost.first_seq)
                told.append(lost)
                reported += lost.count
    assert reported == len(cpu.lost)


def test_memory_is_bounded_where_gaps_never_close() -> None:
    tracker = LossTracker()
    for round_ in range(1, 2000):
        saw(tracker, 0, round_ * 10)
        tracker.losses(counters((round_ * 10, round_ * 9)))
    assert len(tracker._missing.get(0, [])) <= 1


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 9), st.booleans()), max_size=12))
def test_a_run_of_numbers_is_each_of_them(runs: list[tuple[int, int, bool]]) -> None:
    by_run, one_by_one = LossTracker(), LossTracker()
    dropped = 0
    for first, more, count in runs:
        by_run.saw_run(0, first, first + more)
        saw(one_by_one, 0, *range(first, first + more + 1))
        dropped += count
        assert by_run.losses(counters((100, dropped))) == one_by_one.losses(counters((100, dropped)))
        assert by_run._missing == one_by_one._missing


def test_a_program_that_was_not_run_is_told_once_without_numbers() -> None:
    tracker = MissTracker()
    assert tracker.losses({"skipped a": 0, "skipped b": 0}) == []
    assert tracker.losses({"skipped a": 3, "skipped b": 0}) == [EventsLost(3, None, None, None, "skipped a")]
    assert tracker.losses({"skipped a": 3, "skipped b": 0}) == []
    assert tracker.losses({"skipped a": 4, "skipped b": 1}) == [
        EventsLost(1, None, None, None, "skipped a"),
        EventsLost(1, None, None, None, "skipped b"),
    ]


def test_a_count_that_begins_anew_is_no_loss() -> None:
    tracker = MissTracker()
    tracker.losses({"skipped": 5})
    assert tracker.losses({"skipped": 0}) == []


def test_calls_that_the_summary_has_no_place_for_are_lost() -> None:
    tracker = LossTracker()
    assert tracker.losses([CpuCounters(9, 0, 0, 0, 3)]) == [EventsLost(3, 0, None, None, NO_PLACE)]
    assert tracker.losses([CpuCounters(9, 0, 0, 0, 3)]) == []
    assert tracker.losses([CpuCounters(9, 0, 0, 0, 4)]) == [EventsLost(1, 0, None, None, NO_PLACE)]
