"""The event `process_exec`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.context import FileId
from ringward.events.fields import OPT, TOCTOU, File, K, Numbers, Path, RacyText, Spec, Text, Texts, U
from ringward.events.hooks import Hook, Ladder

_OBJECT = "process"

ENTRY: Ladder = (
    Hook(
        "sys_enter",
        "tp_btf",
        "The path as user memory had it at entry, and the credentials before the exec.",
        _OBJECT,
        ("exec_sys_enter",),
        every_call=1,
    ),
)


class _AskedPath(RacyText):
    """The kernel writes ``/dev/fd/N/path`` for execveat(2) relative to a descriptor (fs/exec.c: alloc_bprm())."""

    def differs(self, entry: bytes, kernel: bytes) -> bool:
        """Return whether the kernel worked with another path than the one read at entry."""
        if kernel.startswith(b"/dev/fd/") and (not entry or kernel.endswith(b"/" + entry)):
            return False
        return super().differs(entry, kernel)


class ProcessExec(Args, frozen=True):
    """A program starts: execve(2) or execveat(2) has succeeded.

    The kernel has set the new program up: its file is known, its arguments are on its stack,
    its credentials are in force. It has not run yet. The event has the path that was asked for
    and the file that really runs, the arguments, the working directory, and the credentials
    before; those after are the process's own.

    For a script the kernel runs the interpreter: `path` is the script, `exe` the interpreter's
    file, `interpreter` the path that led to it.

    Not seen: attempts that fail, and programs that are started without an exec of their own
    file (`bash x.sh`, `python3 -c`, `ld.so ./program` are execs of bash, python3 and ld.so).
    """

    group: ClassVar[str] = "programs"
    hooks = (
        Hook(
            "sched:sched_process_exec",
            "tp_btf",
            "The program as the kernel set it up: file, arguments, credentials after.",
            _OBJECT,
            ("tp_btf_exec",),
        ),
    )
    aids = (ENTRY,)
    extra = frozenset({"cgroup_path"})
    use_case = (
        "Follow who started what, from login to modprobe. Each module load carries the chain of these events as its "
        "ancestors. Notice a program that runs from a memfd or from a deleted file (`exe.deleted`)."
    )
    issues = (
        "`path` is user memory that another thread can change. The kernel's own copy is shown; a difference to the "
        "reading at entry is reported with both values. For execveat(2) with a directory or a file the kernel's copy "
        "reads `/dev/fd/N/name`, which differs from what was asked for without any race.\n\n"
        "A file that is not the one asked for is reported as a difference of `exe`, unless links or an interpreter "
        "explain it. Links are followed when the event is read, which is later than the kernel followed them: one "
        "that was changed in between can look like a difference, or hide one. Those of a process that has ended, in a "
        "mount namespace that is not Ringward's, cannot be followed; `unread` says so.\n\n"
        "`exe.path` is the one in the initial mount namespace, where a container's file has a long name. Device and "
        "inode identify the file; a name alone does not.\n\n"
        "Programs that the kernel starts itself, modprobe for a request among them, make no system call: "
        "`old_credentials` is null and `path` is the kernel's.\n\n"
        "`args` is cut after 2048 bytes, and `path` after 1023; `unread` says so. `argc` is the kernel's own count. "
        "The environment is not recorded.\n\n"
        "The arguments are those at the start. A program can overwrite its own afterwards, and what ps prints with "
        "them."
    )
    related = ("process_fork", "process_exit")

    path: Annotated[
        str | None,
        _AskedPath(
            "const char *",
            "The path that was asked for.",
            U,
            TOCTOU,
            members=("path", "path_kernel", "path"),
        ),
    ]
    exe: Annotated[FileId | None, File("struct file *", "The file that really runs.", K, OPT)]
    interpreter: Annotated[
        str | None,
        Text("const char *", "The last path that the kernel was led to: for a script the interpreter's, else `path`."),
    ]
    args: Annotated[tuple[str, ...] | None, Texts("char **", "Arguments, as the new program will find them.", U)]
    argc: Annotated[int, Spec("int", "How many arguments there are.")]
    cwd: Annotated[str | None, Path("struct path", "Working directory, as the initial mount namespace sees it.")]
    old_credentials: Annotated[
        dict[str, int] | None,
        Numbers(
            "struct cred *",
            "uid, gid, euid, egid before the exec; those after are the process's.",
            K,
            OPT,
            members=("old_uid", "old_gid", "old_euid", "old_egid", "old_unread"),
            keys=("uid", "gid", "euid", "egid"),
        ),
    ]
    root: Annotated[
        str | None, Path("struct path", "Root directory: another one than / after chroot(2), as `cwd` is told.")
    ] = None

    def subject(self) -> str:
        """Return the arguments as one line."""
        return " ".join(self.args) if self.args else self.path or ""
