"""A table of processes, fed by a kernel made by hand."""

from __future__ import annotations

from typing import Any

from ringward.events import Process
from ringward.sensor.process_table import ProcessTable
from tests.sensor.kernel_records import Kernel, Proc, decoder

INIT = Proc(1, 10_000_000, comm="systemd")


class Fed:
    """A table and the kernel that feeds it."""

    def __init__(self, *, live: bool = False) -> None:
        self.kernel = Kernel()
        self.decoder = decoder()
        self.table = ProcessTable(self.decoder.task, live=live)

    def apply(self, raw: bytes) -> None:
        self.table.apply(self.decoder.one(raw))

    def fork(self, parent: Proc, **more: Any) -> Proc:
        child, raw = self.kernel.fork(parent, **more)
        self.apply(raw)
        return child

    def exec(self, proc: Proc, *args: Any, **more: Any) -> None:
        self.apply(self.kernel.exec(proc, *args, **more))

    def task(self, proc: Proc) -> bytes:
        return self.decoder.task_of(self.kernel.exit(proc))

    def context(self, proc: Proc) -> Process:
        return self.table.context(self.task(proc))
