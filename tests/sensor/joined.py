"""Joiners fed by a kernel made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ringward.events import BY_NAME, Event
from ringward.sensor.clock import Clock
from ringward.sensor.decode import Decoder, Record
from ringward.sensor.join import Joiner
from ringward.sensor.origin import Cause
from ringward.sensor.process_table import ProcessTable
from tests import nulls
from tests.sensor.kernel_records import Call, Kernel, Proc, Value, batch, decoder, finit

STEPS = frozenset({"module_digest", "module_load", "do_init_module"})
INIT = Proc(1, 10_000_000, comm="systemd")
KTHREADD = Proc(2, 20_000_000, comm="kthreadd", flags=2)
WORKER = Proc(50, 500_000_000, KTHREADD, "kworker/u8:1", flags=2)
ENOSYS, EBUSY, ENODEV = -38, -16, -19
UDEVD = "/usr/lib/systemd/systemd-udevd"


class Joined:
    """A joiner, the kernel that feeds it, and what came out."""

    def __init__(
        self,
        *,
        emit: frozenset[str] = frozenset(BY_NAME),
        steps: frozenset[str] = STEPS,
        modules: set[str] | None = None,
        whole: bool = True,
        judge: Callable[[Event, Cause], Iterable[Event]] | None = None,
        one: Decoder | None = None,
    ) -> None:
        self.lost_at = -1
        """Time of the last loss, nanoseconds since boot."""
        self.kernel = Kernel()
        self.canaries: list[Record] = []
        self.whole = whole
        """Batches go in whole, as the sensor does it; else record by record."""
        self.decoder = one or decoder()
        self.joiner = Joiner(
            self.decoder,
            ProcessTable(self.decoder.task, live=False),
            Clock(0),
            "h",
            emit,
            self.canaries.append,
            steps,
            modules,
            lambda time: self.lost_at > time,
            judge,
        )
        self.events: list[Event] = []

    def feed(self, *records: bytes) -> list[Event]:
        """Take in records; return what they complete."""
        found: list[Event] = []
        if self.whole:
            found += self.joiner.take(self.decoder.records(batch(*records)))
        else:
            for raw in records:
                found += self.joiner.feed(self.decoder.one(raw))
        return self._told(found)

    def _told(self, found: list[Event]) -> list[Event]:
        faults = [fault for event in found for fault in nulls.faults(event)]
        assert not faults, faults
        self.events += found
        return found

    def tick(self, ns: int) -> list[Event]:
        """Let this time pass; return what was waited for."""
        self.kernel.time += ns
        return self._told(list(self.joiner.tick(self.kernel.time)))

    def flush(self) -> list[Event]:
        return self._told(list(self.joiner.flush()))

    def of(self, name: str) -> list[Event]:
        return [event for event in self.events if event.event == name]

    def program(self, *argv: str, exe: str = "/usr/bin/kmod", parent: Proc = INIT, **more: Any) -> Proc:
        """Start a program; return its process."""
        child, fork = self.kernel.fork(parent, comm=exe.rpartition("/")[2], **more)
        self.feed(fork, self.kernel.exec(child, exe, argv or ("modprobe", "msdos")))
        return child

    def autoload(self, alias: str, requester: Proc) -> tuple[int, Proc]:
        """Let the kernel ask for a module; return the request's number and modprobe."""
        number, raw = self.kernel.request(requester, alias)
        helper = self.kernel.process(WORKER, "kworker/u8:1")
        modprobe = Proc(helper.pid, helper.start, WORKER, "modprobe")
        argv = ("/sbin/modprobe", "-q", "--", alias)
        self.feed(raw, self.kernel.helper(helper, number), self.kernel.exec(modprobe, "/usr/bin/kmod", argv))
        return number, modprobe

    def udev(self, worker: Proc, stage: int, **properties: str) -> list[Event]:
        """Let a udev worker take a device (0) or be done with it (1)."""
        values: tuple[str, ...] = tuple(f"{key}={value}" for key, value in properties.items())
        return self.feed(self.kernel.record("udev_device", worker, stage=stage, properties=values))

    def load(self, proc: Proc, module: str, uses: tuple[str, ...] = (), **given: Value) -> list[Event]:
        """Load a module; return what that completes."""
        call = finit(self.kernel, proc, f"/lib/modules/{module}.ko", **given)
        return self.feed(*call.steps(module, uses))


class Judge:
    """Makes one more event of each call that it is given; keeps how each came about."""

    def __init__(self) -> None:
        self.causes: list[Cause] = []

    def __call__(self, event: Event, cause: Cause) -> list[Event]:
        self.causes.append(cause)
        return [msgspec.structs.replace(event, seq=None, cpu=None, hook="sensor")]


def create(j: Joined, proc: Proc, name: str | None = "old", **more: int) -> Call:
    return Call(j.kernel, proc, "create_module", 174, {"name": name, "name_exit": name, **more})


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


def alike(*joined: Joined) -> list[Event]:
    """Return the events of joiners, which must be the same, down to the bytes that are written of them."""
    first, *others = ([(event, msgspec.json.encode(event)) for event in one.events] for one in joined)
    for other in others:
        assert other == first
    return joined[0].events


class Twins:
    """Two joiners that get the same records: in batches, and one by one."""

    def __init__(self, **given: Any) -> None:
        modules = given.pop("modules", None)
        self.whole, self.single = (
            Joined(modules=None if modules is None else set(modules), whole=whole, **given) for whole in (True, False)
        )
        self.kernel = self.whole.kernel

    def feed(self, *records: bytes) -> list[Event]:
        before = len(self.whole.events)
        self.whole.feed(*records)
        self.single.feed(*records)
        return alike(self.whole, self.single)[before:]

    def tick(self, ns: int) -> list[Event]:
        self.single.kernel.time = self.kernel.time
        before = len(self.whole.events)
        self.whole.tick(ns)
        self.single.tick(ns)
        return alike(self.whole, self.single)[before:]

    def flush(self) -> list[Event]:
        self.whole.flush()
        self.single.flush()
        return alike(self.whole, self.single)
