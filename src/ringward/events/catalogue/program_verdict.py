"""The event `program_verdict`."""

from __future__ import annotations

import errno
from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.context import FileId
from ringward.events.fields import OPT, Convert, File, K, Spec, Tail, Text
from ringward.events.hooks import Hook

_OBJECT = "programs"
VERDICTS = ("unknown", "known", "no digest")
ROLES = ("program", "script", "interpreter")  # bpf/events.h: enum program_role
HOW = ("none", "hashed", "kept")  # bpf/events.h: enum digest_source
LATER = "later"
"""How user space does it."""
KEEPING = (  # bpf/events.h: enum keeping
    "yes",
    "no: the hooks were not all attached yet",
    "no: files of this file system can change unseen",
    "no: the disk is fed by a file, a process or another machine, or is not known",
    "no: a disk under a file system was opened for writing",
    "no: a file in memory without a name",
    "no: this kernel lets a program's file be written meanwhile",
    "no: there is no digest, or no room for it",
)
NOT_KEPT = "no: user space hashes each start"


def _name(names: tuple[str, ...], value: int) -> str:
    return names[value] if 0 <= value < len(names) else str(value)


def _role(_tail: Tail, value: int) -> str:
    return _name(ROLES, value)


def _how(_tail: Tail, value: int) -> str:
    return _name(HOW, value)


def _keeping(_tail: Tail, value: int) -> str:
    return _name(KEEPING, value)


def _verdict(_tail: Tail, known: int, error: int) -> str:
    return VERDICTS[2] if error else _name(VERDICTS, known)


def _digest(tail: Tail, digest: bytes, error: int) -> str | None:
    if not error:
        return digest.hex()
    if -error == errno.EFBIG:
        reason = "the file is larger than the limit up to which the kernel is let hash"
    elif -error == errno.EOPNOTSUPP:
        reason = "the kernel has no IMA, or its IMA hashes with another algorithm (ima_hash=)"
    else:
        reason = f"hashing failed with {errno.errorcode.get(-error, str(error))}"
    tail.missing("digest", reason)
    return None


class ProgramVerdict(Args, frozen=True):
    """A file is about to be executed, and the trust database does not know its digest.

    The kernel has opened the file and asks its security modules; nothing of it has run. Its
    SHA-256 is taken there and looked up. A script comes first, its interpreter after it, each
    with an event of its own. Files that are known are told of only when that is asked for.

    The digest of a file that cannot have changed is computed once and kept with the inode. It is
    dropped when the file is opened for writing or truncated, before anything can be written.

    The process is the one that calls execve(2), as it was before. The call can still fail.

    Where the kernel cannot hash, user space hashes the file that a process runs, once it has seen
    the start: `how` is then `later`. That is weaker: the program has begun by then, may have
    ended, and what runs is compared with what was started by inode and time alone.
    """

    group: ClassVar[str] = "guard"
    hooks = (
        Hook(
            "bprm_check_security, file_open, inode_setattr, sb_set_mnt_opts",
            "lsm",
            "Hashes the file before it runs; drops a kept digest before the file can be written to; notices a btrfs.",
            _OBJECT,
            ("lsm_check_program", "lsm_program_mounted", "lsm_program_opened", "lsm_program_truncated"),
        ),
        Hook(
            "process_exec",
            "sensor",
            "User space hashes the file of the process that has been started.",
            loses="what ran before the digest was there; files of processes that end at once and were replaced",
        ),
    )
    gives = frozenset({"duration"})
    extra = frozenset({"duration", "pad"})
    use_case = (
        "Notice each program, script and interpreter that is not on the list, also one that has the name, the size "
        "and the times of one that is. Learn what a machine starts before anything is denied."
    )
    issues = (
        "Only what execve(2) is given is looked at, and what that leads to: the interpreters of scripts and of "
        "registered formats (binfmt_misc). Not seen are libraries and the dynamic loader of a program, and code that "
        "a program reads itself: `bash file`, `python3 -c`, `ld.so ./program`, memory made executable.\n\n"
        "A digest is kept only where nothing but this kernel can change the file: on ext2/3/4, xfs and f2fs on "
        "disks of this machine's own, on btrfs where every btrfs of the machine is on such disks, and on tmpfs. On all "
        "others (overlay, 9p, NFS, FUSE, loop and network block devices) the file is hashed at each start; `keeping` "
        "says so.\n\n"
        "Once one of those disks has been opened for writing, no digest is kept any more: what is written to the disk "
        "shows in the file when its pages are read again, whenever that is. Not seen are opens from before the guard "
        "began, writes by another machine that shares the disk, and by an administrator who takes the hooks away.\n\n"
        "A memfd can be written to after it was hashed; its digest says only what it was at the start. On overlay "
        "and 9p a shared writable mapping does the same.\n\n"
        "Pages that a device or a FUSE server was told to write to (direct I/O into a shared mapping) can change a "
        "file after the mapping is gone, and no hook sees that. IMA has the same gap.\n\n"
        "With an IMA policy that measures or appraises programs the kernel answers with the digest that IMA has kept, "
        "by IMA's own rules.\n\n"
        "Hashing delays the start of the program, and cannot be interrupted; `duration` has it. A file larger than "
        "the limit (1 GiB) is not hashed."
    )
    related = ("process_exec", "module_verdict")

    verdict: Annotated[
        str,
        Convert(
            "u32",
            "Whether the trust database has the digest: known, unknown; no digest: it could not be looked up.",
            K,
            members=("known", "error"),
            function=_verdict,
        ),
    ]
    digest: Annotated[
        str | None,
        Convert(
            "u8[32]",
            "SHA-256 of the file, hexadecimal.",
            K,
            OPT,
            members=("digest", "error"),
            function=_digest,
        ),
    ]
    role: Annotated[
        str,
        Convert(
            "enum program_role",
            "program; script: it begins with #!; interpreter: of a script or a registered format.",
            K,
            members=("role",),
            function=_role,
        ),
    ]
    how: Annotated[
        str,
        Convert(
            "enum digest_source",
            "hashed: by the kernel for this start; kept: with the inode, since an earlier one; later: by user space,"
            " after the start; none.",
            K,
            members=("source",),
            function=_how,
        ),
    ]
    keeping: Annotated[
        str,
        Convert(
            "enum keeping",
            "Whether the digest is kept with the inode: yes; no and why.",
            K,
            members=("keeping",),
            function=_keeping,
        ),
    ]
    path: Annotated[
        str | None,
        Text("const char *", "The path that led to the file; for an interpreter, the one in the script.", K, OPT),
    ]
    asked: Annotated[str | None, Text("const char *", "The path that execve(2) was given: the script's.", K, OPT)]
    file: Annotated[FileId | None, File("struct file *", "The file.", K, OPT)]
    size: Annotated[int, Spec("loff_t", "Its size, bytes.")]

    def subject(self) -> str:
        """Return verdict, role and path."""
        path = self.file.path if self.file else None
        return f"{self.verdict} {self.role}: {path or self.path or '?'}"
