"""The event `finit_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.context import FileId
from ringward.events.fields import OPT, TOCTOU, Flags, K, RacyFile, RacyText, Spec, U

# include/uapi/linux/module.h
FLAGS = {
    1: "MODULE_INIT_IGNORE_MODVERSIONS",
    2: "MODULE_INIT_IGNORE_VERMAGIC",
    4: "MODULE_INIT_COMPRESSED_FILE",
}


class FinitModule(Args, frozen=True):
    """A call to finit_module(2): load a module from a file descriptor.

    As init_module(2), but the kernel reads the image from an open file, and so knows which file
    it was. The event has that file as the kernel holds it: path, device, inode, ctime, and
    whether a name still leads to it (a memfd or a deleted file has none). The result comes when
    the call has returned: 0, or the negative errno of the step that failed.

    With MODULE_INIT_COMPRESSED_FILE (Linux 5.17, commit b1ae6dc41eaa "module: add in-kernel
    support for decompressing") the kernel decompresses the file itself; newer versions of kmod
    prefer that.

    Not seen: what the file contains (see `module_digest`), and code that enters the kernel
    without this call or init_module(2).
    """

    group: ClassVar[str] = "modules"
    hooks = _syscall.ladder("finit_module")
    aids = (_syscall.PARAMS_COPY, _syscall.FILE_COPY)
    gives = _syscall.GIVES
    extra = _syscall.EXTRA
    use_case = (
        "See every module that is loaded from a file, by whom, from which file, with which parameters, and whether it "
        "worked. A path outside /lib/modules and /usr/lib/modules, a deleted file or a memfd, or a flag that skips "
        "the version checks, deserves a look."
    )
    issues = (
        "`param_values` is user memory that another thread can change during the call. It is read at entry; the copy "
        "that the kernel parses (strndup_user) is read too and shown where there is one, and a difference is reported "
        "with both values. The module's own `args` cannot serve for this: parse_args() has cut it into pieces by the "
        "time that the module is linked.\n\n"
        "The kernel copies the parameters last, after signature, format and symbols were accepted. A load that fails "
        "before that has no copy: the reading at entry is shown or, when that page was not in memory yet, the one at "
        "exit; `sources` says which. When none succeeded the value is null, with the reason.\n\n"
        "A descriptor can be made to mean another file between entry and use (dup2 in another thread). `file` is the "
        "one that the kernel began to read (security_kernel_read_file) where that was seen, else the descriptor's at "
        "entry; a difference is reported with both.\n\n"
        "The path is the one in the initial mount namespace, put together from the kernel's directory entries while "
        "they may be renamed. Device and inode identify the file; the path is for people.\n\n"
        "The first event of a call that hangs is sent with the readings at entry alone.\n\n"
        'Since Linux 6.5 (commit 9b9879fc0327 "modules: catch concurrent module loads, treat them as idempotent") a '
        "second call for the same inode waits for the first and shares its result: it has no image, no digest and no "
        "copy of its own.\n\n"
        "The document that this page follows gives the flags as O_TRACE, O_DEBUG, O_ASYNC and O_EXCL. finit_module(2) "
        "has never had these. The true ones are MODULE_INIT_IGNORE_MODVERSIONS (1), MODULE_INIT_IGNORE_VERMAGIC (2) "
        "and MODULE_INIT_COMPRESSED_FILE (4); any other bit makes the call fail with EINVAL, and is shown as a "
        "number."
        "\n\n" + _syscall.STOPPED_LIMITS
    )
    related = ("init_module", "module_digest", "module_load", "do_init_module", "delete_module")

    fd: Annotated[int, Spec("int", "File descriptor of the image.")]
    param_values: Annotated[
        str | None,
        RacyText(
            "const char *",
            "Parameters of the module: `name=value name=value`.",
            U,
            TOCTOU,
            OPT,
            members=("param_values", "param_values_kernel", "param_values_exit"),
        ),
    ]
    flags: Annotated[tuple[str, ...], Flags("int", "How to load it; unknown bits as a number.", names=FLAGS)]
    file: Annotated[
        FileId | None,
        RacyFile("struct file *", "The file behind the descriptor; the kernel's own where it was seen.", K, OPT),
    ]

    def subject(self) -> str:
        """Return the file's name without folder and ending."""
        path = self.file.path if self.file else None
        return path.rsplit("/", 1)[-1].split(".ko", 1)[0] if path else ""
