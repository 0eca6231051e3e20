"""The event `module_verdict`."""

from __future__ import annotations

from typing import Annotated

from ringward.events.catalogue import _verdict
from ringward.events.context import FileId
from ringward.events.fields import OPT, TOCTOU, Convert, File, K, Spec, Tail, Text, U, flag_names
from ringward.events.hooks import Hook, Ladder

_OBJECT = "guard_modules"
_IMAGE = "kernel_post_read_file, kernel_post_load_data"
_PURPOSE = "Decides on the kernel's own copy of the image, before anything of it is parsed."
# include/uapi/linux/module.h; the last one is the guard's own
FLAGS = {
    1: "MODULE_INIT_IGNORE_MODVERSIONS",
    2: "MODULE_INIT_IGNORE_VERMAGIC",
    4: "MODULE_INIT_COMPRESSED_FILE",
    0x100: "NO_FILE",
}
_ORIGINS = ("command", "request", "udev", "boot")
_STAGES = ("image", "parameters")

AGAIN: Ladder = (
    _verdict.hook(
        "kernfs_init_security",
        "lsm",
        "Refuses a load whose parameters were judged again and are forbidden.",
        _OBJECT,
        ("lsm_judge_folder",),
    ),
    _verdict.hook(
        "kernfs_init_security",
        "fmod_ret",
        "Refuses a load whose parameters were judged again and are forbidden.",
        _OBJECT,
        ("fmod_ret_judge_folder",),
    ),
)
COPY: Ladder = (
    Hook(
        "strndup_user",
        "fentry",
        "Judges the parameters again, as the kernel has copied them.",
        _OBJECT,
        ("fexit_judge_parameters",),
    ),
)
ORIGIN: Ladder = (
    Hook(
        "call_usermodehelper_exec_async",
        "fentry",
        "Marks the process that the kernel starts for a request with the alias.",
        "guard_request",
        ("fentry_helper",),
    ),
)
DESCENT: Ladder = (
    Hook(
        "sched_process_fork",
        "tp_btf",
        "Marks what such a process starts.",
        "guard_request",
        ("tp_btf_helper_fork",),
    ),
)


def _digest(tail: Tail, digest: bytes, error: int) -> str | None:
    if not error:
        return digest.hex()
    tail.missing("digest", f"hashing failed with error {error}, or no decision could be made")
    return None


def _flags(tail: Tail, value: int, reason: int) -> tuple[str, ...] | None:
    if not reason:
        return flag_names(value, FLAGS)
    tail.missing("flags", reason)
    return None


def _origin(tail: Tail, value: int, reason: int) -> str | None:
    if not reason:
        return _verdict.names(_ORIGINS)(tail, value)
    tail.missing("origin", reason)
    return None


class ModuleVerdict(_verdict.Verdict, frozen=True):
    """The guard has judged a module that is to be loaded.

    It is judged by the digest of the kernel's own copy of the image, for init_module and
    finit_module alike, and by the facts of the load: name, parameters, flags, who loads it and how
    that came about. Nothing of the image has been parsed yet. A load that is refused fails with
    EKEYREJECTED ("Key was rejected by service").

    The parameters are in user memory then. They are judged again when the kernel has copied them;
    an event with the stage `parameters` follows when that verdict is another one. The load then
    fails with ENOMEM, before the module's init function.

    create_module, query_module and get_kernel_syms are attempts too, at the stage `call`. The kernel
    has no such calls and refuses them by itself (ENOSYS); user space judges what was seen of them, in
    the mode of the call's time.
    """

    hooks = (
        _verdict.hook(_IMAGE, "lsm", _PURPOSE, _OBJECT, ("lsm_judge_file", "lsm_judge_data")),
        _verdict.hook(_IMAGE, "fmod_ret", _PURPOSE, _OBJECT, ("fmod_ret_judge_file", "fmod_ret_judge_data")),
    )
    aids = (COPY, AGAIN, ORIGIN, DESCENT)
    gives = frozenset({"duration"})
    extra = frozenset({"attempt", "duration", "pad"})
    use_case = (
        "Learn which modules would be refused before refusing them: run the guard in the mode monitor and look for the "
        "verdict deny. In the mode enforce, learn what was refused, by which rule, and to whom."
    )
    issues = (
        "A load whose parameters another thread changes is refused only when the kernel has run the functions that set "
        "them: those of most parameters are the kernel's own, a module can bring others. No hook that can refuse "
        "comes before.\n\n"
        "`name` is the one in the image. A compressed file has none to be read, and neither has what is no image.\n\n"
        "A second finit_module(2) of the same inode at the same time is not judged: Linux 6.5 and later let it share "
        "the first one's result.\n\n"
        "At the stage `call` the request is found by the line of ancestors: a process that has left modprobe's descent "
        "before the call counts as started by hand. Where the hooks that join a request to its process are missing, or "
        "records were lost, `alias` is null, and so is `origin` unless something else says it.\n\n" + _verdict.LIMITS
    )
    related = ("module_digest", "finit_module", "init_module")

    digest: Annotated[
        str | None,
        Convert(
            "u8[32]",
            "SHA-256 of the kernel's copy of the image, hexadecimal.",
            K,
            OPT,
            members=("digest", "error"),
            function=_digest,
        ),
    ]
    size: Annotated[
        int,
        Spec("loff_t", "Size of what was judged, bytes; 0 at the stage parameters; what create_module asked for."),
    ]
    name: Annotated[str | None, Text("char[]", "Name of the module, in its image, with '_' for '-'.", K, OPT)]
    param_values: Annotated[str | None, Text("const char *", "Parameters that were judged.", U, TOCTOU, OPT)]
    flags: Annotated[
        tuple[str, ...] | None,
        Convert(
            "int",
            "Of finit_module; NO_FILE: the image came from memory, by init_module.",
            K,
            OPT,
            members=("flags", "flags_unread"),
            function=_flags,
        ),
    ]
    alias: Annotated[str | None, Text("const char *", "That the kernel asked for, with '_' for '-'.", K, OPT)]
    origin: Annotated[
        str | None,
        Convert(
            "u32",
            "How the load came about: command, request, udev, boot.",
            K,
            OPT,
            members=("origin", "origin_unread"),
            function=_origin,
        ),
    ]
    stage: Annotated[
        str,
        Convert(
            "u32",
            "What was judged: image, with the parameters in user memory; parameters: the kernel's copy of them; call:"
            " one that Linux has not had since 2.6.",
            K,
            members=("stage",),
            function=_verdict.names(_STAGES),
        ),
    ]
    file: Annotated[FileId | None, File("struct file *", "The file that was read; null for init_module.", K, OPT)]

    def subject(self) -> str:
        """Return the verdict, and the module's name or file."""
        path = self.file.path if self.file else None
        what = "a call that Linux has not had since 2.6" if self.stage == "call" else f"image of {self.size} bytes"
        name = self.name or (path.rsplit("/", 1)[-1] if path else what)
        return f"{self.outcome()}: {name}{f' {self.param_values}' if self.param_values else ''}"
