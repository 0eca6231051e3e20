"""Who each process is and descends from: fed by the stream, completed from /proc.

A process is known by its number and the clock tick of its start, which no later process
shares. What the stream told is exact; what /proc told was read later, and only when its
start tick is the same.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sized
from typing import Any

import msgspec

from ringward.events.context import Ancestor, FileId, Process
from ringward.events.fields import UNREAD_TEXT, decode, join_path
from ringward.sensor import _native, process_context, procfs
from ringward.sensor.container import container_id
from ringward.sensor.decode import Record, Task
from ringward.sensor.procfs import TICK_NS

KEPT_DEAD = 4096
KEPT_ALIVE = 4096
"""Processes without a known end, at which it is looked for the first time whether they are still there."""
KEPT_CONTEXTS = 4096
KEPT_LINES = 1024
CONTEXTS_OF_ONE = 256
"""Of one process: its threads, names and credentials."""
ANCESTORS = 16
ANCESTOR_ARGS = 200
NEVER = 0xFFFFFFFF
KTHREAD = 2
NO_AUDIT = 8

Key = tuple[int, int]
_GONE = "the process ended before /proc could be read"
_NOT_THERE = "not to be had from /proc"
_NOT_READ = "it could not be read when the program started"


def key_of(pid: int, start_time: int) -> Key:
    """Return a process's key from its start in nanoseconds since boot."""
    return pid, start_time // TICK_NS


def key_id(key: Key) -> str:
    """Return a process's id as events print it."""
    return f"{key[0]}@{key[1]}"


def comm_of(task: Task) -> str:
    """Return a task's name."""
    return decode(task.comm.split(b"\0", 1)[0])


def short_args(args: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return as many arguments as fit ANCESTOR_ARGS characters; a last ``...`` says that there are more."""
    if args is None:
        return None
    left = ANCESTOR_ARGS
    for i, arg in enumerate(args):
        left -= len(arg) + 1
        if left < 0:
            return (*args[:i], "...")
    return args


# No garbage collection: it is in no cycle.
class Known(msgspec.Struct, gc=False):
    """What is known of one process."""

    key: Key
    parent: Key | None = None
    comm: str | None = None
    exe: str | None = None
    args: tuple[str, ...] | None = None
    cwd: str | None = None
    cgroup: str | None = None
    request: int = 0
    """The kernel's module request that it, or an ancestor, was started for."""
    unread: str | None = None
    ended: bool = False
    contexts: list[bytes] = []
    ancestor: Ancestor | None = None


class ProcessTable:
    """All processes that the stream or /proc told of.

    Args:
        task: decodes the bytes of a `struct task`.
        live: read /proc for what the stream did not tell (off for tests and other machines).

    """

    def __init__(self, task: Callable[[bytes], Task], *, live: bool = True) -> None:
        self._task = task
        self._live = live
        self._processes: dict[Key, Known] = {}
        self._calls: Callable[[], _native.Calls | None] = lambda: None
        self._dead: OrderedDict[Key, None] = OrderedDict()
        self._most = KEPT_ALIVE
        self._contexts: OrderedDict[bytes, Process] = OrderedDict()
        self._lines: dict[Key, tuple[Ancestor, ...]] = {}
        """Lines of descent that begin with a process, as long as nobody in them changes."""

    @property
    def _known(self) -> dict[Key, Known]:
        self._settle()
        return self._processes

    def _settle(self) -> None:
        """Learn what the native part has not told yet."""
        calls = self._calls()
        if calls is not None:
            calls.settle()

    def fed_by(self, calls: _native.Calls) -> None:
        """Take in who tells of programs, and does so when it is asked."""
        # It refers to this table: the native part is in no garbage collection.
        self._calls = weakref.ref(calls)

    def __len__(self) -> int:
        return len(self._known)

    def native(self, explained: OrderedDict[Any, None], busy: tuple[Sized, ...]) -> _native.Table:
        """Return what native/processes.c needs to do the plain cases of `fork`, `exec`, `end` and `context`.

        Args:
            explained: of `ringward.sensor.exec_path.ExecPaths`.
            busy: while there is anything in one of them, no end is plain.

        """
        limits = KEPT_ALIVE, KEPT_DEAD, KEPT_CONTEXTS, CONTEXTS_OF_ONE
        tables = self._processes, self._dead, self._contexts, self._lines
        return (*tables, explained, busy, Known, Process, FileId, self.ancestors, container_id, limits)

    def seed(self) -> None:
        """Take in every process that runs, from /proc."""
        for pid in procfs.pids():
            stat = procfs.read_stat(pid)
            if stat:
                self._from_proc(stat)

    def _from_proc(self, stat: procfs.Stat) -> Known:
        known = Known((stat.pid, stat.ticks), comm=stat.comm)
        known.exe = procfs.read_link(stat.pid, "exe")
        known.args = procfs.read_args(stat.pid)
        known.cwd = procfs.read_link(stat.pid, "cwd")
        known.cgroup = procfs.read_cgroup(stat.pid)
        parent = procfs.read_stat(stat.ppid) if stat.ppid else None
        known.parent = (parent.pid, parent.ticks) if parent else None
        self._add(known)
        return known

    def find(self, key: Key) -> Known:
        """Return what is known of a process; from /proc when the stream did not tell."""
        known = self._known.get(key)
        if known is None and self._live:
            stat = procfs.read_stat(key[0])
            # One tick of tolerance: /proc rounds the same start differently than a division does.
            if stat and abs(stat.ticks - key[1]) <= 1:
                known = self._from_proc(stat._replace(ticks=key[1]))
        if known is None:
            known = Known(key, unread=_GONE if self._live else "not in the recording")
            self._known[key] = known
            self._bury(key)
        return known

    def _forget_contexts(self, known: Known) -> None:
        for task in known.contexts:
            self._contexts.pop(task, None)
        known.contexts.clear()

    def _forget(self, known: Known) -> None:
        self._forget_contexts(known)
        if known.ancestor:
            known.ancestor = None
            self._lines.clear()

    def _bury(self, key: Key) -> None:
        self._dead[key] = None
        self._dead.move_to_end(key)
        while len(self._dead) > KEPT_DEAD:
            old, _ = self._dead.popitem(last=False)
            known = self._known.pop(old, None)
            if known:
                self._forget(known)

    def _sweep(self) -> None:
        """Bury the processes that have gone without a word: their end was lost, or is not told (kernel threads).

        What is under way in the ring of one that has just ended is still told with what is known of it.
        """
        there = set(procfs.pids()) if self._live else set()
        newest: dict[int, int] = {}
        for pid, ticks in self._known:
            newest[pid] = max(newest.get(pid, 0), ticks)
        for key in [key for key in self._known if key not in self._dead]:
            if (self._live and key[0] not in there) or key[1] < newest[key[0]]:
                self._bury(key)
        # Twice as many may come before the next look: its cost is shared by them.
        self._most = max(KEPT_ALIVE, 2 * (len(self._known) - len(self._dead)))

    def ended(self, data: bytes) -> bool:
        """Return whether the end of a record's process has been taken in before."""
        task = self._task(data)
        known = self._known.get(key_of(task.pid, task.start_time))
        return known is not None and known.ended

    def apply(self, record: Record) -> None:
        """Take in a fork, exec or exit, or the start of a helper."""
        task = self._task(record.task)
        key = key_of(task.pid, task.start_time)
        args: Any = record.args
        if record.name == "process_fork":
            self.fork(key, key_of(args.child_pid, args.child_start_time))
        elif record.name == "process_exec":
            loc = record.extra["cgroup_path"]
            cgroup = join_path(record.tail.raw(loc)) if loc >> 16 else None
            self.exec(key, key_of(task.ppid, task.parent_start_time), comm_of(task), cgroup, args)
        elif record.name == "process_exit":
            self.find(key)
            self.end(key)
        elif record.name == "usermodehelper":
            known = self._known.get(key) or Known(key, parent=key_of(task.ppid, task.parent_start_time))
            self._add(known)
            known.comm = comm_of(task)
            known.request = record.extra["request"]

    def fork(self, parent: Key, child: Key) -> None:
        """Take in a process that begins as its parent is."""
        known = self.find(parent)
        before = self._known.get(child)
        if before:
            self._forget(before)
        self._add(
            Known(
                child,
                known.key,
                known.comm,
                known.exe,
                known.args,
                known.cwd,
                known.cgroup,
                known.request,
                known.unread,
            )
        )

    def _add(self, known: Known) -> None:
        self._known[known.key] = known
        if len(self._known) - len(self._dead) > self._most:
            self._sweep()

    def exec(self, key: Key, parent: Key, comm: str, cgroup: str | None, args: Any) -> None:
        """Take in the program that a process goes on as; `args` are those of the process_exec event.

        Where processes are not followed, it is what a process is that does something, or an ancestor of one.
        """
        told = process_context.is_context(args)
        known = self._known.get(key)
        if known is None:
            known = Known(key, parent=parent)
            self._add(known)
        self._forget(known)
        if told:
            known.parent = known.parent or parent
            # Its descendants were told of before it.
            self._contexts.clear()
        known.comm = comm
        known.exe = args.exe.path if args.exe else None
        known.args = process_context.arguments(*key, args, live=self._live) if told else args.args
        known.cwd = args.cwd
        known.cgroup = cgroup
        complete = None not in (known.exe, known.args, known.cwd, known.cgroup)
        known.unread = None if complete else process_context.UNREAD if told else _NOT_READ
        self._dead.pop(key, None)

    def end(self, key: Key) -> None:
        """Take in the end of a process that is known."""
        known = self._known[key]
        known.ended = True
        # Little comes of it any more, and thousands of them would be more than fits a cache.
        self._forget_contexts(known)
        self._bury(key)

    def request(self, key: Key) -> int:
        """Return the kernel's module request that a process, or an ancestor, was started for; 0: none."""
        at: Key | None = key
        for _ in range(ANCESTORS):
            known = self._known.get(at) if at else None
            if known is None:
                break
            if known.request:
                return known.request
            at = known.parent
        return 0

    def get(self, key: Key) -> Known | None:
        """Return what is known of a process; None: nothing."""
        return self._known.get(key)

    def _ancestor(self, known: Known) -> Ancestor:
        if known.ancestor is None:
            unread = (known.unread or _NOT_THERE) if None in (known.comm, known.exe, known.args) else None
            known.ancestor = Ancestor(
                key_id(known.key), known.key[0], known.comm, known.exe, short_args(known.args), unread
            )
        return known.ancestor

    def as_ancestor(self, key: Key) -> Ancestor:
        """Return the short form of a process."""
        return self._ancestor(self.find(key))

    def ancestors(self, parent: Key) -> tuple[Ancestor, ...]:
        """Return the line of descent that begins with `parent`, nearest first."""
        line = self._lines.get(parent)
        if line is None:
            found: list[Ancestor] = []
            key: Key | None = parent
            while key and key[0] and len(found) < ANCESTORS:
                rest = self._lines.get(key)
                if rest is not None:
                    found += rest[: ANCESTORS - len(found)]
                    break
                known = self.find(key)
                found.append(self._ancestor(known))
                key = known.parent
            if len(self._lines) >= KEPT_LINES:
                self._lines.clear()
            line = self._lines[parent] = tuple(found)
        return line

    def context(self, data: bytes) -> Process:
        """Return the full context of a record's task; the same object for the same bytes."""
        self._settle()
        found = self._contexts.get(data)
        if found is None:
            found = self._build(data)
            while len(self._contexts) > KEPT_CONTEXTS:
                self._contexts.popitem(last=False)
        return found

    def _build(self, data: bytes) -> Process:
        task = self._task(data)
        key = key_of(task.pid, task.start_time)
        known = self.find(key)
        parent = key_of(task.ppid, task.parent_start_time)
        unread = {}
        if None in (known.exe, known.args, known.cwd, known.cgroup):
            names = ("exe", "args", "cwd", "cgroup")
            unread = {name: known.unread or _NOT_THERE for name in names if getattr(known, name) is None}
        if known.exe is None and task.flags & KTHREAD:
            unread["exe"] = unread["cwd"] = "a kernel thread has none"
        if known.cgroup is None:
            unread["container"] = unread["cgroup"]
        if task.flags & NO_AUDIT:
            unread["loginuid"] = unread["sessionid"] = UNREAD_TEXT["NO_FIELD"]
        namespaces = {"mnt": task.mnt_ns, "pid": task.pid_ns, "net": task.net_ns, "user": task.user_ns}
        if 0 in namespaces.values():
            for name in [name for name, number in namespaces.items() if not number]:
                del namespaces[name]
                unread[f"namespaces.{name}"] = "the process had left it"
        process = Process(
            key_id(key),
            task.pid,
            task.tid,
            task.start_time,
            task.ppid,
            key_id(parent),
            task.uid,
            task.gid,
            task.euid,
            task.egid,
            None if task.loginuid == NEVER else task.loginuid,
            None if task.sessionid == NEVER else task.sessionid,
            comm_of(task),
            known.exe,
            known.args,
            known.cwd,
            known.cgroup,
            container_id(known.cgroup),
            namespaces,
            self.ancestors(parent),
            bool(task.flags & KTHREAD),
            unread,
        )
        self._contexts[data] = process
        known.contexts.append(data)
        if len(known.contexts) > CONTEXTS_OF_ONE:
            self._contexts.pop(known.contexts.pop(0), None)
        return process
