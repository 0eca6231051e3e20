"""The starts and ends of programs that are told as they are: nothing is joined to them but what is known of them.

The native part takes their records out of a batch. What is plain it does to the table of processes itself
(native/processes.c), and asks here for the rest; `ringward.sensor.join` does everything else, and the same for
these where something is unusual about them.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from ringward.events.context import Process
from ringward.sensor import _native
from ringward.sensor.calls import TAGS
from ringward.sensor.decode import Decoder, Task
from ringward.sensor.exec_path import ExecPaths, is_plain
from ringward.sensor.process_table import Key, ProcessTable
from ringward.sensor.procfs import TICK_NS

ROLES = {"process_fork": 1, "process_exec": 2, "process_exit": 3}
"""native/calls.h: enum role."""


class Programs:
    """Answers what the native part asks of a program.

    Args:
        table: of processes, fed here.
        paths: what explains the file of an exec.
        busy: the calls that are under way, and the loads that wait: while there are any, an end may concern one.

    """

    def __init__(self, table: ProcessTable, paths: ExecPaths, *busy: Sized) -> None:
        self._table = table
        self._paths = paths
        self._busy = busy

    def forked(self, parent: Key, child: Key) -> bool:
        """Take in a fork; return whether that is all."""
        self._table.fork(parent, child)
        return True

    def started(self, key: Key, parent: Key, comm: str, cgroup: str | None, task: bytes, args: Any) -> Process | None:
        """Take in an exec and return its process; None: nothing was taken in, it is not plain."""
        known = self._table.get(key)
        if (known is not None and known.request) or not is_plain(args):
            return None
        self._table.exec(key, parent, comm, cgroup, args)
        return self._table.context(task)

    def ended(self, key: Key, task: bytes) -> Process | None:
        """Take in an end and return its process; None: nothing was taken in, it is not plain."""
        known = self._table.get(key)
        if known is None or known.ended or known.request or any(self._busy):
            return None
        process = self._table.context(task)
        self._table.end(key)
        return process

    def native(self, decoder: Decoder, emit: frozenset[str]) -> _native.Programs | None:
        """Return what `_native.Calls` needs to know of the records of `decoder`; None: it makes none of these.

        Args:
            decoder: of the batches.
            emit: names of the events that are wanted.

        """
        if not ROLES.keys() <= decoder.kinds.keys():
            return None
        task = decoder.task_offsets
        fork, start = ({one.name: one.offset for one in decoder.layouts[name].fields} for name in list(ROLES)[:2])
        return (
            {decoder.kinds[name]: (role, name in emit, TAGS[name]) for name, role in ROLES.items()},
            tuple(task[name] for name in Task._fields),
            (fork["child_pid"], fork["child_start_time"], start["cgroup_path"]),
            TICK_NS,
            self.forked,
            self.started,
            self.ended,
            self._table.native(self._paths.explained, self._busy),
        )
