"""Unloads: who holds a module, what is refused, and the end of a load's lifecycle."""

from __future__ import annotations

import errno
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringward.events import Event
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, program_fixture  # noqa: F401 - a fixture
from tests.kernel.witness import SECONDS, call_of, listed, remove, steps_of

pytestmark = [pytest.mark.guest, pytest.mark.modules]
NONBLOCK, TRUNC = 0x800, 0x200
NAME_MAX = 55
"""MODULE_NAME_LEN - 1 (include/linux/moduleparam.h: 64 - sizeof(unsigned long))."""


@pytest.fixture(scope="module")
def opened() -> Iterator[Watch]:
    w = Watch("modules")
    yield w
    assert [e.args for e in (*w.events, *w.sensor.close()) if e.event == "events_lost"] == []


@pytest.fixture
def w(opened: Watch) -> Iterator[Watch]:
    opened.clear()
    yield opened
    remove("msdos", "fat", "appletalk", "psnap", "llc")


@pytest.fixture
def delete(w: Watch, program: Callable[[str], Path]) -> Callable[..., Event]:
    path = program("load")

    def call(*args: object, **user: object) -> Event:
        """Call delete_module(2); return its event, after comparing the result with the caller's own."""
        process = subprocess.Popen([path, *map(str, args)], stdout=subprocess.PIPE, text=True, **user)
        out, _ = process.communicate(timeout=SECONDS)
        w.until(lambda events: call_of(events, process.pid), SECONDS)
        (event,) = call_of(w.events, process.pid)
        assert (event.event, event.result) == ("delete_module", int(out.split()[0]))
        assert event.duration > 0
        return event

    return call


def loaded(w: Watch, *names: str) -> dict[str, Event]:
    """Return the event of the load of each module."""
    w.until(lambda _: all(w.of("module_load", name=name) for name in names), SECONDS)
    return {name: w.of("module_load", name=name)[-1] for name in names}


def test_held_by_another_module(w, delete):
    subprocess.run(["modprobe", "msdos"], check=True)
    event = delete("delete", "fat", NONBLOCK)
    line = listed()["fat"]
    assert (line.refcount, line.holders) == (1, ("msdos",))
    assert (event.args.name, event.args.refcount, event.args.holders) == ("fat", line.refcount, line.holders)
    assert (event.result, event.error) == (-errno.EWOULDBLOCK, errno.errorcode[errno.EWOULDBLOCK])
    assert (event.args.flags, event.sources["name"]) == (("O_NONBLOCK",), "kernel")
    assert event.load.id == loaded(w, "fat")["fat"].load.id
    assert w.of("module_free") == []


def test_held_by_a_socket(w, delete):
    with socket.socket(socket.AF_APPLETALK, socket.SOCK_DGRAM):
        event = delete("delete", "appletalk", NONBLOCK)
        line = listed()["appletalk"]
        assert line.refcount > 0
        assert (event.args.refcount, event.args.holders) == (line.refcount, ())
        assert event.result == -errno.EWOULDBLOCK
    event = delete("delete", "psnap", NONBLOCK)
    line = listed()["psnap"]
    assert (event.args.refcount, event.args.holders) == (line.refcount, line.holders)
    assert "appletalk" in line.holders


def test_free_modules_go_one_after_the_other(w, delete):
    subprocess.run(["modprobe", "msdos"], check=True)
    loads = loaded(w, "fat", "msdos")
    for name in ("msdos", "fat"):
        event = delete("delete", name, NONBLOCK)
        assert (event.result, event.error, event.args.refcount, event.args.holders) == (0, None, 0, ())
        assert name not in listed()
        (freed,) = w.of("module_free", name=name)
        assert freed.load.id == event.load.id == loads[name].load.id
        assert freed.args.base == loads[name].args.base
        assert freed.process == event.process
        assert event.ktime - event.duration < freed.ktime < event.ktime
        assert steps_of(w.events, event.load.id)[-2:] == ["module_free", "delete_module"]
        assert event.load.digest == loads[name].load.digest
        assert event.load.origin == loads[name].load.origin


def test_rmmod_of_a_free_module(w):
    subprocess.run(["modprobe", "fat"], check=True)
    process = subprocess.Popen(["rmmod", "fat"])
    assert process.wait() == 0
    w.until(lambda events: call_of(events, process.pid), SECONDS)
    (event,) = call_of(w.events, process.pid)
    assert (event.result, event.args.name, event.args.flags) == (0, "fat", ("O_NONBLOCK",))
    assert (event.process.comm, event.process.args) == ("rmmod", ("rmmod", "fat"))
    assert event.load.id == loaded(w, "fat")["fat"].load.id


def test_a_second_life_has_an_id_of_its_own(w, delete):
    ids: list[str] = []
    for i in range(2):
        subprocess.run(["modprobe", "fat"], check=True)
        w.until(lambda _, i=i: len(w.of("module_load", name="fat")) > i, SECONDS)
        load = w.of("module_load", name="fat")[-1]
        event = delete("delete", "fat", NONBLOCK)
        assert event.load.id == load.load.id
        ids.append(event.load.id)
    assert ids[0] != ids[1]


def test_loaded_before_ringward_has_no_lifecycle(w, delete):
    name = next(name for name, line in listed().items() if line.holders)
    event = delete("delete", name, NONBLOCK)
    line = listed()[name]
    assert (event.args.refcount, event.args.holders) == (line.refcount, line.holders)
    assert (event.result, event.load) == (-errno.EWOULDBLOCK, None)


def test_no_such_module(w, delete):
    event = delete("delete", "rw_no_such", NONBLOCK | TRUNC | 0x1)
    assert (event.args.name, event.sources["name"]) == ("rw_no_such", "kernel")
    assert (event.result, event.error) == (-errno.ENOENT, "ENOENT")
    assert event.args.flags == ("O_NONBLOCK", "O_TRUNC", "0x1")
    assert (event.args.refcount, event.args.holders) == (None, None)
    assert event.unread["refcount"] == event.unread["holders"] == "the kernel has none"
    assert (event.load, event.differences) == (None, ())


def test_a_name_that_no_module_can_have(w, delete):
    name = "rw_" + "x" * 80
    event = delete("delete", name, 0)
    assert event.result == -errno.ENOENT
    assert event.differences == ()
    if event.sources["name"] == "kernel":  # the kernel cuts it, and looks up what is left
        assert event.args.name == name[:NAME_MAX]
        assert event.unread["refcount"] == "the kernel has none"
    else:  # it refuses: commit a6323bd4e611 (in v6.17), also in stable kernels
        assert (event.args.name, event.sources["name"]) == (name, "entry")
        assert event.unread["refcount"] == "the kernel refused before it got there"


def test_no_name(w, delete):
    event = delete("delete-null")
    assert (event.result, event.error, event.args.name) == (-errno.EFAULT, "EFAULT", None)
    assert event.unread["name"] == "the caller passed NULL"
    assert event.args.refcount is None
    assert event.unread["refcount"] == "the kernel refused before it got there"


def test_without_the_privilege(w, delete):
    subprocess.run(["modprobe", "fat"], check=True)
    event = delete("delete", "fat", NONBLOCK, user=NOBODY, group=NOBODY, extra_groups=[])
    assert (event.result, event.error, event.process.uid) == (-errno.EPERM, "EPERM", NOBODY)
    assert (event.args.name, event.sources["name"], event.args.refcount) == ("fat", "entry", None)
    assert event.unread["refcount"] == "the kernel refused before it got there"
    assert "fat" in listed()
