"""The event `self_verdict`."""

from __future__ import annotations

from typing import Annotated

from ringward.events.catalogue import _verdict
from ringward.events.context import FileId
from ringward.events.fields import OPT, Convert, File, K, Tail

_OBJECT = "guard_self"
_ACCESSES = (
    "open",
    "truncate",
    "unlink",
    "rename",
    "create",
    "link",
    "mount",
    "unmount",
    "trace",
    "change",
    "become",
)
_OBJECTS = ("file", "pin", "device", "memory", "switch", "process", "map", "program")
_NUMBERED = frozenset(map(_OBJECTS.index, ("process", "map", "program")))
HOOKS = (
    "file_open",
    "path_truncate",
    "inode_unlink",
    "inode_rmdir",
    "inode_rename",
    "inode_create",
    "inode_mkdir",
    "inode_symlink",
    "inode_link",
    "inode_mknod",
    "sb_mount",
    "move_mount",
    "sb_umount",
    "ptrace_access_check",
    "bpf_map",
    "bpf_prog",
)
"""That judge, in the order of enum self_hook; bprm_committed_creds tells who a process is."""
_PROGRAMS = (
    "lsm_self_open",
    "lsm_self_truncate",
    "lsm_self_unlink",
    "lsm_self_rmdir",
    "lsm_self_rename",
    "lsm_self_create",
    "lsm_self_mkdir",
    "lsm_self_symlink",
    "lsm_self_link",
    "lsm_self_mknod",
    "lsm_self_mount",
    "lsm_self_move_mount",
    "lsm_self_umount",
    "lsm_self_trace",
    "lsm_self_map",
    "lsm_self_program",
    "lsm_self_exec",
)


def _target(tail: Tail, number: int, kind: int) -> int | None:
    if kind in _NUMBERED:
        return number
    tail.missing("target", "what is touched is a file")
    return None


class SelfVerdict(_verdict.Verdict, frozen=True):
    """The guard has judged an access to what it protects.

    That is the trust database, the rules, Ringward's own files, pins, maps and programs, its processes,
    files that were asked for (`ringward guard --protect`); block devices that hold any of these,
    /dev/mem, /dev/kmem and /dev/port; and the switches that turn the kernel's hooks off:
    kernel.ftrace_enabled, kprobes/enabled and sched/preempt in debugfs. Who is no process of
    Ringward's own may not change them; what is refused fails with EPERM.

    Ringward's own are the process that started the guard and those that its native helper starts, for
    which it takes nothing from its caller but the arguments: `access` is then become. When one of them
    opens a protected file for writing, that is told, with the verdict allow.
    """

    hooks = (
        _verdict.hook(
            ", ".join((*HOOKS, "bprm_committed_creds")),
            "lsm",
            "Decides before anything is changed; at an exec, who the process is.",
            _OBJECT,
            _PROGRAMS,
        ),
    )
    extra = frozenset({"pad"})
    use_case = (
        "See who tries to blind or change what watches the machine: the database, the policy in the kernel, the disk "
        "below both, or the switches of the kernel."
    )
    issues = (
        "Root has other ways: see the threat model in docs/guard-self.md.\n\n"
        "Where the hook does not know the mount (unlink, rename, create, link), `file.path` begins at the root of "
        "the file system that holds the file.\n\n" + _verdict.LIMITS
    )
    related = ("sensor_status", "process_exec")

    access: Annotated[
        str,
        Convert(
            "u32",
            f"What was done: {', '.join(_ACCESSES)}. Opens are for writing; change: a descriptor of it that can be.",
            K,
            members=("access",),
            function=_verdict.names(_ACCESSES),
        ),
    ]
    object: Annotated[
        str,
        Convert("u32", f"To what: {', '.join(_OBJECTS)}.", K, members=("object",), function=_verdict.names(_OBJECTS)),
    ]
    file: Annotated[FileId | None, File("struct file *", "The file, or the program that a process has become.", K, OPT)]
    target: Annotated[
        int | None,
        Convert(
            "u32",
            "Number of the process, or id of the map or program.",
            K,
            OPT,
            members=("target", "object"),
            function=_target,
        ),
    ]

    def subject(self) -> str:
        """Return the verdict, what was done, and to what."""
        what = self.file.path if self.file and self.file.path else f"{self.object} {self.target or ''}".rstrip()
        done = "denied" if self.refused else "would deny" if self.verdict == "deny" else "allow"
        return f"{done}: {self.access} {what}"
