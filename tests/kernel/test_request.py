"""Modules that the kernel asks for: who asked, for what, and which load came of it."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ringward.events import Event
from tests.kernel.conftest import Watch
from tests.kernel.programs import NOBODY, folder_fixture, program_fixture  # noqa: F401 - fixtures
from tests.kernel.witness import SECONDS, image, listed, remove, sha256sum

pytestmark = [pytest.mark.guest, pytest.mark.modules]
LOADS = ("init_module", "finit_module")
# What to ask for, the alias that the kernel makes of it, and the module that has it. None needs another.
MANY = {
    **{f"tcp:{name}": (f"tcp_{name}", f"tcp_{name}") for name in (
        "bbr", "bic", "cdg", "dctcp", "highspeed", "htcp", "hybla", "illinois", "lp", "scalable",
    )},
    **{f"mount:{name}": (f"fs-{name}", name) for name in ("minix", "bfs", "sysv", "qnx4")},
    "char:10:223": ("char-major-10-223", "uinput"),
    "socket:29": ("net-pf-29", "can"),
    "socket:35": ("net-pf-35", "phonet"),
    "socket:38": ("net-pf-38", "af_alg"),
    "socket:41": ("net-pf-41", "kcm"),
    "socket:42": ("net-pf-42", "qrtr"),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What one process of the autoload program said of itself."""

    pid: int
    what: str
    result: int


@pytest.fixture(scope="module")
def opened() -> Iterator[Watch]:
    w = Watch("modules", "usermodehelper", "process_exec", "process_exit")
    yield w
    assert [e.args for e in (*w.events, *w.sensor.close()) if e.event == "events_lost"] == []


@pytest.fixture
def w(opened: Watch) -> Iterator[Watch]:
    opened.clear()
    yield opened
    remove("appletalk", "psnap", "llc", *(module for _, module in MANY.values()))


@pytest.fixture
def autoload(
    program: Callable[[str], Path],
    folder: Path,
) -> Callable[..., list[Asked]]:
    path = program("autoload")

    def run(*what: str, **user: object) -> list[Asked]:
        done = subprocess.run([path, *what], check=True, stdout=subprocess.PIPE, text=True, cwd=folder, **user)
        found = [line.split() for line in done.stdout.splitlines()]
        assert len(found) == len(what)
        return [Asked(int(pid), asked, int(result)) for pid, asked, result in found]

    return run


def loads(w: Watch) -> list[Event]:
    """Return the loads that came of a request and worked."""
    return [e for e in w.events if e.event in LOADS and e.result == 0 and e.load.origin.kind == "request"]


def request(w: Watch, alias: str) -> Event:
    """Return the request for an alias."""
    w.until(lambda _: w.of("module_request", alias=alias), SECONDS)
    (found,) = w.of("module_request", alias=alias)
    return found


def check_cause(w: Watch, asked: Asked, alias: str, load: Event) -> None:
    """Check that a load names the request, its requester, and the modprobe that it came through."""
    asking = request(w, alias)
    origin = load.load.origin
    assert (origin.kind, origin.alias) == ("request", alias)
    assert (origin.requester.pid, origin.requester.id) == (asked.pid, asking.process.id)
    assert asking.process.pid == asked.pid
    assert origin.text == f"kernel asked for {alias} for {asking.process.comm}[{asked.pid}]"
    assert origin.request == asking.load.id == load.load.id.rpartition(".")[0]
    (helper,) = [e for e in w.of("usermodehelper") if e.load.id == asking.load.id]
    assert helper.process.pid == load.process.pid
    (started,) = [e for e in w.of("process_exec") if e.process.id == load.process.id]
    assert started.load.id == asking.load.id
    assert started.args.args == ("/sbin/modprobe", "-q", "--", alias) == load.process.args
    assert started.args.old_credentials is None
    assert started.unread["old_credentials"]
    assert (helper.args.path, load.process.exe) == ("/sbin/modprobe", "/usr/bin/kmod")
    assert asking.ktime < helper.ktime < started.ktime < load.ktime
    assert (asking.args.wait, asking.result) == (True, 0)
    assert int(asking.args.call_site, 16) > 1 << 63


def check_appletalk(w: Watch, asked: Asked, folder: Path) -> Event:
    """Check the three loads of net-pf-5; return the request."""
    w.until(lambda _: len(loads(w)) >= 3, SECONDS)
    found = {load.load.module: load for load in loads(w)}
    assert list(found) == ["llc", "psnap", "appletalk"]
    for name, load in found.items():
        check_cause(w, asked, "net-pf-5", load)
        assert load.load.digest == sha256sum(image(name, folder))
        assert load.process.uid == load.process.euid == 0
    assert {load.process.id for load in found.values()} == {found["llc"].process.id}
    assert len({load.load.id for load in found.values()}) == 3
    assert [need.name for need in found["psnap"].load.uses] == ["llc"]
    assert found["llc"].load.needed_by.load == found["psnap"].load.id
    assert found["psnap"].load.needed_by.load == found["appletalk"].load.id
    assert found["appletalk"].load.needed_by is None
    assert set(listed()["psnap"].holders) == {"appletalk"}
    return request(w, "net-pf-5")


def test_a_socket_loads_three(w, autoload, folder):
    (asked,) = autoload("socket:5")
    assert asked.result == 0
    event = check_appletalk(w, asked, folder)
    assert (event.process.uid, event.process.comm) == (0, "autoload")
    assert event.process.args == (event.process.exe, "socket:5")


def test_a_socket_of_an_unprivileged_user(w, autoload, folder):
    (asked,) = autoload("socket:5", user=NOBODY, group=NOBODY, extra_groups=[])
    assert asked.result == 0
    event = check_appletalk(w, asked, folder)
    assert (event.process.uid, event.process.euid) == (NOBODY, NOBODY)


def test_a_device_that_nothing_serves(w, autoload):
    (asked,) = autoload("char:10:30")
    assert asked.result == -errno.ENODEV
    event = request(w, "char-major-10-30")
    assert (event.process.pid, event.args.wait) == (asked.pid, True)
    # The request's modprobe has ended, so whatever it would have loaded has been told.
    (helper,) = [e for e in w.of("usermodehelper") if e.load.id == event.load.id]
    w.until(lambda _: [e for e in w.of("process_exit") if e.process.id == helper.process.id], SECONDS)
    assert [e.event for e in w.events if e.event in LOADS] == []
    (end,) = [e for e in w.of("process_exit") if e.process.id == helper.process.id]
    assert (end.args.code, end.load.id) == (1, event.load.id)


def test_a_device_that_a_module_serves(w, autoload, folder):
    (asked,) = autoload("char:10:223")
    assert asked.result == 0
    w.until(lambda _: loads(w), SECONDS)
    (load,) = loads(w)
    check_cause(w, asked, "char-major-10-223", load)
    assert (load.load.module, load.load.digest) == ("uinput", sha256sum(image("uinput", folder)))


def test_twenty_at_once_are_told_apart(w, autoload):
    assert len(MANY) == 20
    assert not {module for _, module in MANY.values()} & set(listed())
    asked = {one.what: one for one in autoload(*MANY)}
    assert {module for _, module in MANY.values()} <= set(listed())
    w.until(lambda _: len(loads(w)) >= len(MANY), 3 * SECONDS)
    found = {load.load.module: load for load in loads(w)}
    assert set(found) == {module for _, module in MANY.values()}
    assert len(loads(w)) == len(found) == len({load.load.id for load in found.values()})
    for what, (alias, module) in MANY.items():
        check_cause(w, asked[what], alias, found[module])
    # They did overlap: all requests were made before the last load was done.
    last = max(load.ktime for load in found.values())
    first = sorted(load.ktime for load in found.values())[len(MANY) // 2]
    made = [request(w, alias).ktime for alias, _ in MANY.values()]
    assert max(made) < last
    assert sum(time < first for time in made) > len(MANY) // 2
