"""A joiner that writes lines where it can, beside one that makes events; both are fed by a kernel made by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from ringward.events import BY_NAME
from ringward.output.views import JsonView
from ringward.sensor.clock import Clock
from ringward.sensor.join import Joiner
from ringward.sensor.process_table import ProcessTable
from tests.sensor.joined import INIT, STEPS, Joined
from tests.sensor.kernel_records import Proc, batch, decoder

DECODER = decoder()
DEFAULT = frozenset(BY_NAME) - {"process_fork"}


class Written:
    """Two joiners that get the same batches: one makes events, the other lines where it can."""

    def __init__(self, emit: frozenset[str] = DEFAULT) -> None:
        self.plain = Joined(emit=emit, modules=set(), one=DECODER)
        self.kernel = self.plain.kernel
        self.canaries: list[Any] = []
        self.view, self.reference = JsonView(), JsonView()
        self.ready: list[tuple[bytes, int]] = []
        self.joiner = Joiner(
            self.plain.decoder,
            ProcessTable(self.plain.decoder.task, live=False),
            Clock(0),
            "h",
            emit,
            self.canaries.append,
            STEPS,
            set(),
            lines=(self.view.encode, self.ready),
        )
        self.fast = 0
        """Lines of which no event was made."""
        self.shell, fork = self.kernel.fork(INIT, comm="sh")
        self.feed(fork, self.kernel.exec(self.shell, "/bin/sh"))

    def at(self, offset: int) -> None:
        """Change the time of day: nanoseconds that lie between the clocks."""
        self.plain.joiner._clock.offset = self.joiner._clock.offset = offset

    def feed(self, *records: bytes, look: bool = True) -> bytes:
        """Take in a batch; return its lines. `look`: compare the tables, too, which tells this one what it lacks."""
        told = self.feed_batch(batch(*records))
        if look:
            self.look()
        return told

    def feed_batch(self, data: bytes) -> bytes:
        """Take in what the ring buffer gave; return its lines."""
        wanted = self.reference.feed(self.plain.joiner.take(self.plain.decoder.records(data)), 0)
        events = self.joiner.take(self.plain.decoder.records(data), lines=True)
        for lines, count in self.ready:
            assert lines.count(b"\n") == count
            self.view.take(lines, count)
            self.fast += count
        self.ready.clear()
        told = self.view.feed(events, 0)
        assert told == wanted
        assert self.view.shown == self.reference.shown
        assert len(self.canaries) == len(self.plain.canaries)
        return told

    def look(self) -> None:
        """Compare the tables; the order in which the ended go is part of it."""
        one, other = (
            (
                {key: msgspec.structs.astuple(known) for key, known in table._known.items()},
                list(table._dead),
                dict(table._contexts),
                table._lines,
            )
            for table in (self.plain.joiner._table, self.joiner._table)
        )
        assert one == other

    def life(self, *argv: str, parent: Proc | None = None, code: int = 0, **more: Any) -> list[bytes]:
        """Return the records of a program that the shell, or `parent`, starts."""
        child, fork = self.kernel.fork(parent or self.shell)
        return [fork, self.kernel.exec(child, "/bin/x", argv or ("x",), **more), self.kernel.exit(child, code)]
