"""Programs that are told by their lines, whatever they do: the same lines as those of their events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.sensor import process_table
from tests.sensor.joined import INIT, create
from tests.sensor.kernel_records import CANARY, FAULT, Proc, finit
from tests.sensor.written import Written

LIVES = st.lists(
    st.tuples(
        st.sampled_from(["life", "life", "life", "fork", "exec", "exit", "exit", "again", "call", "load", "clock"]),
        st.integers(0, 2),  # whose child, or which of those that live
        st.integers(0, 11),  # what is unusual
        st.booleans(),  # the batch ends here
    ),
    max_size=60,
)
ODD: dict[int, dict[str, Any]] = {
    3: {"cwd": FAULT},
    4: {"interpreter": "/bin/sh"},
    5: {"args": ("x", 'é\n"')},
    6: {"root": "/r"},
    7: {"interpreter": "./x", "cwd": "/bin"},
}
ODD_PROCS: dict[int, dict[str, Any]] = {8: {"uid": 7}, 9: {"flags": CANARY}, 10: {"comm": "y"}, 11: {"mnt": 0}}


class Lives:
    """Processes that start, end, and do this and that; the records are fed later."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._living = [INIT, written.shell]
        self._last = written.shell
        self.records: list[bytes] = []

    def step(self, name: str, whom: int, odd: int) -> None:
        proc = self._living[-1 - whom % len(self._living)]
        made = getattr(self, name)(proc, whom, odd)
        self.records += made

    def life(self, proc: Proc, whom: int, odd: int) -> list[bytes]:
        parent = (INIT, self._written.shell, proc)[whom]
        return self._written.life(parent=parent, code=odd == 2, **ODD.get(odd, {}))

    def fork(self, proc: Proc, _whom: int, _odd: int) -> list[bytes]:
        self._last, record = self._written.kernel.fork(proc)
        self._living.append(self._last)
        return [record]

    def exec(self, proc: Proc, _whom: int, odd: int) -> list[bytes]:
        changed = replace(proc, **ODD_PROCS.get(odd, {}))
        return [self._written.kernel.exec(changed, "/bin/x", ("x",), **ODD.get(odd, {}))]

    def exit(self, _proc: Proc, whom: int, odd: int) -> list[bytes]:
        if len(self._living) == 2:
            return []
        self._last = self._living.pop(-1 - whom % (len(self._living) - 2))
        return [self._written.kernel.exit(replace(self._last, **ODD_PROCS.get(odd, {})), odd == 2)]

    def again(self, _proc: Proc, _whom: int, _odd: int) -> list[bytes]:
        return [self._written.kernel.exit(self._last)]

    def call(self, proc: Proc, _whom: int, _odd: int) -> list[bytes]:
        call = create(self._written.plain, proc)
        return [call.enter(), call.returns(-38)]

    def load(self, proc: Proc, _whom: int, _odd: int) -> list[bytes]:
        return [finit(self._written.kernel, proc).enter()]

    def clock(self, _proc: Proc, _whom: int, odd: int) -> list[bytes]:
        self._written.at(odd * 777_777_777)
        return []


@settings(max_examples=300, deadline=None)
@given(LIVES, st.booleans())
def test_any_lives_are_told_the_same_either_way(steps: list[tuple[str, int, int, bool]], small: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("DEAD", 5), ("ALIVE", 9), ("CONTEXTS", 5), ("LINES", 2)) if small else ():
            patch.setattr(process_table, f"KEPT_{name}", number)
        written = Written()
        for _ in range(3):
            written.feed(*written.life(), look=False)
        lives = Lives(written)
        for name, whom, odd, ends in steps:
            lives.step(name, whom, odd)
            if ends:
                written.feed(*lives.records, look=odd == 0)
                lives.records.clear()
        written.feed(*lives.records)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2), st.integers(0, 700), st.integers(0, 255))
def test_a_byte_that_differs_is_told(which: int, place: int, value: int) -> None:
    written = Written()
    for _ in range(3):
        written.feed(*written.life(), look=False)
    records = written.life()
    raw = bytearray(records[which])
    # Behind kind, hook and ABI, which a decoder may refuse.
    at = 4 + place % (len(raw) - 4)
    raw[at] = value
    records[which] = bytes(raw)
    written.feed(*records)
    written.feed(*written.life())
