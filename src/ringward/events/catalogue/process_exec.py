"""The event `process_exec`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.context import FileId
from ringward.events.fields import OPT, TOCTOU, Convert, File, K, Path, RacyText, Spec, Tail, Text, Texts, U
from ringward.events.hooks import Hook, Ladder

_OBJECT = "process"

ENTRY: Ladder = (
    Hook(
        "sys_enter, sys_exit",
        "tp_btf",
        "The path as user memory had it at entry, and the credentials before the exec.",
        _OBJECT,
        ("exec_sys_enter", "exec_sys_exit"),
    ),
)


def _credentials(tail: Tail, uid: int, gid: int, euid: int, egid: int, reason: int) -> dict[str, int] | None:
    if reason:
        tail.missing("old_credentials", reason)
        return None
    return {"uid": uid, "gid": gid, "euid": euid, "egid": egid}


class ProcessExec(Args, frozen=True):
    """A program starts: execve(2) or execveat(2) has succeeded."""

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
    use_case = ""
    issues = ""
    related = ("process_fork", "process_exit")

    path: Annotated[
        str | None,
        RacyText(
            "const char *",
            "The path that was asked for.",
            U,
            TOCTOU,
            members=("path", "path_kernel", "path"),
        ),
    ]
    exe: Annotated[FileId | None, File("struct file *", "The file that really runs.", K, OPT)]
    interpreter: Annotated[
        str | None, Text("const char *", "The last path that the kernel was led to; differs for a script.")
    ]
    args: Annotated[tuple[str, ...] | None, Texts("char **", "Arguments, as the new program sees them.", U)]
    argc: Annotated[int, Spec("int", "How many arguments there are.")]
    cwd: Annotated[str | None, Path("struct path", "Working directory.")]
    old_credentials: Annotated[
        dict[str, int] | None,
        Convert(
            "struct cred *",
            "uid, gid, euid, egid before the exec; those after are the process's.",
            K,
            OPT,
            members=("old_uid", "old_gid", "old_euid", "old_egid", "old_unread"),
            function=_credentials,
        ),
    ]

    def subject(self) -> str:
        """Return the arguments as one line."""
        return " ".join(self.args) if self.args else self.path or ""
