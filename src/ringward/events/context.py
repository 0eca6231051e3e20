"""What every event carries besides its own arguments: who, where, and why.

A member that can be None says here what that means (``None: ...``), unless it always has its reason in `unread`.
"""

from __future__ import annotations

from typing import Any

import msgspec

SCHEMA_VERSION = 2
"""Of what is written: another one whenever a member that was there has another type or meaning."""
READABLE = (1, SCHEMA_VERSION)
"""What is read: an event of version 1 is one of version 2, in which the count of `events_lost` can be null."""


# No garbage collection of these three: none is in a cycle, and looking for one would cost more than making them.
class FileId(msgspec.Struct, frozen=True, gc=False):
    """A file as the kernel held it; all from kernel memory."""

    path: str | None
    """As the initial mount namespace sees it; `unread` of the event says why it could not be had."""
    dev: str
    """``major:minor`` of the superblock."""
    inode: int
    ctime: int
    """Nanoseconds since 1970."""
    deleted: bool = False
    """No name leads to the inode (i_nlink is 0): deleted, or a memfd."""


class Ancestor(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A process that another descends from."""

    id: str
    pid: int
    comm: str | None = None
    exe: str | None = None
    args: tuple[str, ...] | None = None
    unread: str | None = None
    """Why comm, exe or args is None."""


class Process(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The task that an event happened in.

    Numbers are in the initial namespaces. `exe`, `args` and `cwd` are those of the last
    exec that was seen, or of /proc; what could not be had is None, with its reason in `unread`.
    """

    id: str
    """``pid@ticks``: the thread group and its start in clock ticks (1/100 s) since boot."""
    pid: int
    tid: int
    start_time: int
    """Of the thread group's leader: nanoseconds since boot."""
    ppid: int
    parent: str
    """`id` of the parent."""
    uid: int
    gid: int
    euid: int
    egid: int
    loginuid: int | None
    """None: nobody logged in (kernel: (uid_t)-1)."""
    sessionid: int | None
    """Audit session. None: nobody logged in."""
    comm: str
    exe: str | None
    args: tuple[str, ...] | None
    cwd: str | None
    cgroup: str | None
    container: str | None
    """Container id out of the cgroup's path. None: not in a container that names itself so."""
    namespaces: dict[str, int]
    """Inode number of mnt, pid, net and user; one that is left out has its reason in `unread`."""
    ancestors: tuple[Ancestor, ...]
    """Nearest first, as far as they are known."""
    kthread: bool = False
    unread: dict[str, str] = {}
    """Why a member is None: by its name, ``namespaces.net``."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a module load came about."""

    kind: str
    """request (the kernel asked), udev, modules-load, initramfs, command; unknown with a reason."""
    text: str
    """One line for a person: ``kernel asked for net-pf-5 for python3[123]``."""
    alias: str | None = None
    """What the kernel asked for. None: `kind` is not request."""
    request: str | None = None
    """Id of the request. None: `kind` is not request."""
    requester: Ancestor | None = None
    """Whose action led to the request. None: `kind` is not request."""
    device: str | None = None
    """DEVPATH of the device that udev loads for. None: `kind` is not udev."""
    modalias: str | None = None
    """What modules.alias was searched for. None: `kind` is not udev."""
    unread: dict[str, str] = {}
    """Why a member is None that the kind has, and why the kind is unknown."""


class Need(msgspec.Struct, frozen=True):
    """Another load that this one is tied to by symbols."""

    name: str
    load: str | None
    """Its lifecycle id; None: it was loaded before."""


class Load(msgspec.Struct, frozen=True, omit_defaults=True):
    """The lifecycle that an event is a step of, as far as it was known at that step.

    The event of the call itself (init_module, finit_module) has it whole: what is None there and
    could be had has its reason in the event's `unread`, as ``load.digest`` or ``load.module``.
    """

    id: str
    origin: Origin | None = None
    """None: at a step before the call: the request, and the program that was started for it."""
    module: str | None = None
    """Name of the module. None: not linked at that step."""
    digest: str | None = None
    """SHA-256 of the kernel's copy of the image, hexadecimal. None: no copy had been hashed at that step."""
    uses: tuple[Need, ...] = ()
    """Modules whose symbols this one uses."""
    needed_by: Need | None = None
    """The load that this one was made for. None: it was made for its own sake."""


class Difference(msgspec.Struct, frozen=True):
    """User memory said one thing at entry, and the kernel worked with another."""

    field: str
    entry: Any
    kernel: Any


# No garbage collection: an event is in no cycle, and looking for one would cost a third of making it.
class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One event. `args` is an instance of the class in the catalogue that `event` names."""

    event: str
    time: str
    """RFC 3339, nanoseconds, UTC."""
    ktime: int
    """CLOCK_BOOTTIME, nanoseconds."""
    host: str
    cpu: int | None
    """None: not made by a hook on a CPU, but by the sensor itself or of a uevent."""
    seq: int | None
    """Per CPU, from 1; a uevent's SEQNUM. A gap is a loss only when events_lost says so. None: the sensor's own."""
    hook: str
    """How it was seen: tp_btf, fentry, kprobe, tracepoint, lsm, uevent, sensor."""
    abi: str | None = None
    """64-bit, ia32 or x32: the caller's system call interface. None: the event is no system call."""
    process: Process | None
    """None: the event is of the stream itself; of a uevent, with a reason in `unread`."""
    args: Any
    result: int | None = None
    """Return value; negative: -errno. None: nothing returns in this event; else with a reason in `unread`."""
    error: str | None = None
    """The errno's name. None: `result` is not negative, or not there."""
    duration: int | None = None
    """Nanoseconds from entry to return. None: nothing returns in this event; else with a reason in `unread`."""
    load: Load | None = None
    """None: it is part of no load that was seen."""
    tags: dict[str, tuple[str, ...]] = {}
    """Of each argument: K, U, TOCTOU, OPT."""
    sources: dict[str, str] = {}
    """Of racy arguments: the reading shown: entry, kernel, exit."""
    differences: tuple[Difference, ...] = ()
    unread: dict[str, str] = {}
    """Why a member is None: an argument by its name, ``result``, ``file.path``, ``load.digest``."""
