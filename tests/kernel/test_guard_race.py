"""Loads and removals that change under the guard's eyes gain nothing. Each test fails unless it truly raced."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.kmod.elf import Elf
from ringward.trust.patterns import parse_name, parse_parameter
from ringward.trust.rules import Action, Mode, Operation, Rule
from tests.kernel.guarding import Guarded, digest_of, guard_fixture, load, load_data, policy_of  # noqa: F401 - a fixture
from tests.kernel.programs import folder_fixture, preemptible, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS, listed, own_module, remove, sha256sum

pytestmark = [pytest.mark.guest, pytest.mark.modules]

ROUNDS = 40
"""Runs before it is given up."""
CALLS = 40
"""Calls of one run of the program."""
ENOUGH = 3
"""Calls of each kind that must have been seen."""
MODULES = (Operation.MODULES,)
REJECTED, LATE = -errno.EKEYREJECTED, -errno.ENOMEM


@pytest.fixture
def race(program: Callable[[str], Path]) -> Iterator[Callable[..., list[list[int]]]]:
    path = program("race")

    def run(*args: object) -> list[list[int]]:
        """Run the program; return the numbers that it printed for each call, in order."""
        process = subprocess.run(
            [path, how, *map(str, args)], stdout=subprocess.PIPE, text=True, timeout=8 * SECONDS, check=True
        )
        return [[int(word) for word in line.split()] for line in process.stdout.splitlines()]

    with preemptible() as how:
        yield run


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    yield
    remove("rw_fail", "rw_param", "fat", "crc16")


def test_an_image_that_is_changed_during_the_call(
    guard: Guarded, race: Callable[..., list[list[int]]], folder: Path
) -> None:
    """Two modules that differ in one byte, the error that init returns: only the trusted one ever ran."""
    data = own_module("rw_fail").read_bytes()
    # The default of its parameter: ENODEV, 19.
    (where,) = (section for section in Elf(data).sections if section.name == ".data")
    place = data.index(errno.ENODEV.to_bytes(4, "little"), where.offset, where.offset + where.size)
    good, bad = folder / "good.ko", folder / "bad.ko"
    good.write_bytes(data)
    bad.write_bytes(data[:place] + b"\x07" + data[place + 1 :])
    seen: Counter[tuple[int, int, int]] = Counter()
    with guard.deciding(*policy_of(trusted=[digest_of(good)]), Mode.ENFORCE, MODULES) as w:
        for _ in range(ROUNDS):
            for _pid, result, before, after in race("image", good, place, 19, 7, CALLS):
                seen[result, before, after] += 1
            ran_while_bad = sum(n for (r, _, after), n in seen.items() if r == -errno.ENODEV and after == 7)
            refused_while_good = sum(n for (r, before, _), n in seen.items() if r == REJECTED and before == 19)
            if min(ran_while_bad, refused_while_good) >= ENOUGH:
                break
        else:
            raise AssertionError(f"not raced: {seen}")
        assert {result for result, _, _ in seen} == {-errno.ENODEV, REJECTED}, seen
        w.until(lambda _: w.of("module_verdict", digest=sha256sum(bad), refused=True))
        digests = {event.args.digest for event in w.of("module_verdict", verdict="allow")}
        assert digests == {sha256sum(good)}


def test_parameters_that_are_changed_during_the_call(guard: Guarded, race: Callable[..., list[list[int]]]) -> None:
    """The forbidden value never reaches init, whichever of the two the guard had seen before."""
    fail = own_module("rw_fail")
    rule = Rule("no-six", Action.DENY, parameters=(parse_parameter("error=6"),))
    seen: Counter[int] = Counter()
    with guard.deciding(*policy_of([rule], [digest_of(fail)]), Mode.ENFORCE, MODULES) as w:
        for _ in range(ROUNDS):
            seen.update(result for _pid, result in race("params", fail, "error=5", "error=6", CALLS))
            if seen[LATE] >= ENOUGH and seen[REJECTED] >= ENOUGH and seen[-5] >= ENOUGH:
                break
        else:
            raise AssertionError(f"not raced: {seen}")
        assert set(seen) == {-5, REJECTED, LATE}, seen
        w.until(lambda _: len(w.of("module_verdict", stage="parameters", verdict="deny")) >= ENOUGH)
        for event in w.of("module_verdict", stage="parameters"):
            assert event.args.digest == sha256sum(fail)
            assert event.args.param_values == ("error=6" if event.args.verdict == "deny" else "error=5")


def test_without_the_guard_the_race_reaches_init(race: Callable[..., list[list[int]]]) -> None:
    """What the test above would see of a guard that judges once, in user memory: both values arrive."""
    fail = own_module("rw_fail")
    seen: Counter[int] = Counter()
    for _ in range(ROUNDS):
        seen.update(result for _pid, result in race("params", fail, "error=5", "error=6", CALLS))
        if seen[-5] and seen[-6]:
            return
    raise AssertionError(f"not raced: {seen}")


def test_the_name_of_a_protected_module(guard: Guarded, race: Callable[..., list[list[int]]]) -> None:
    """`fat` is protected, `crc16` is not; the name changes from one to the other during delete_module(2)."""
    rule = Rule("keep-fat", Action.DENY, operations=frozenset({Operation.UNLOAD}), names=(parse_name("fat"),))
    subprocess.run(["modprobe", "-a", "fat", "crc16"], check=True)
    seen: Counter[int] = Counter()
    with guard.deciding(*policy_of([rule]), Mode.ENFORCE, (Operation.UNLOAD,)) as w:
        assert not w.holder.held_failures
        assert listed()["fat"].refcount == 1
        for _ in range(ROUNDS):
            subprocess.run(["modprobe", "crc16"], check=True)
            # What is between the check and the copy is short: it needs many calls.
            seen.update(result for _pid, result in race("delete", "crc16", "fat", 10 * CALLS))
            assert "fat" in listed()
            # The check saw the free name, and the kernel then looked up the protected one: its reference holds it.
            if seen[-errno.EWOULDBLOCK] and seen[-errno.EPERM] >= ENOUGH:
                break
        else:
            raise AssertionError(f"not raced: {seen}")
    assert listed()["fat"].refcount == 0


LARGE = 3 << 20
"""Bytes of an image that takes an emulated guest long to hash."""


def _loads_slowly(image: Path) -> int:
    """Start a process that loads an image from memory; return its number. Its exit status: it was not refused."""
    data = image.read_bytes()
    pid = os.fork()
    if not pid:
        os._exit(load_data(data) != REJECTED)
    return pid


def test_two_loads_that_preempt_each_other(guard: Guarded, folder: Path) -> None:
    """preempt=full: a load that comes while another is being judged on its processor spoils neither digest."""
    param = own_module("rw_param")
    large = folder / "large"
    large.write_bytes(random.Random(4).randbytes(LARGE))
    digests = {param.stat().st_size: sha256sum(param), LARGE: sha256sum(large)}
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    try:
        with preemptible() as how, guard.deciding(*policy_of(), Mode.ENFORCE, MODULES) as w:
            assert how == "one"
            for turn in range(ROUNDS):
                pid = _loads_slowly(large)
                # It goes first, and wakes while the other is in the kernel.
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
                time.sleep(0.05 + turn % 8 * 0.03)
                result = load(param)
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
                assert (result, os.waitpid(pid, 0)[1]) == (REJECTED, 0)
                count = 2 * (turn + 1)
                w.until(lambda _, count=count: len(w.of("module_verdict")) == count)
                inner, outer = sorted(w.of("module_verdict")[-2:], key=lambda event: event.args.size)
                for event in (inner, outer):
                    assert event.args.digest == digests[event.args.size]
                # A verdict's time is when it was made, and its duration how long that took: one lies within the other.
                if outer.ktime - outer.duration < inner.ktime - inner.duration and inner.ktime < outer.ktime:
                    break
            else:
                raise AssertionError("no load was judged while another was")
    finally:
        os.sched_setaffinity(0, before)
    assert "rw_param" not in listed()
