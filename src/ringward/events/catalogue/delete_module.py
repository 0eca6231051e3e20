"""The event `delete_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Convert, Flags, K, RacyText, Tail, Texts, U

# include/linux/module.h: MODULE_NAME_LEN is 64 - sizeof(unsigned long), with the NUL
NAME_MAX = 55
# include/uapi/asm-generic/fcntl.h
FLAGS = {0x800: "O_NONBLOCK", 0x200: "O_TRUNC"}


def _refcount(tail: Tail, value: int, reason: int) -> int | None:
    if not reason:
        return value
    tail.missing("refcount", reason)
    return None


class DeleteModule(Args, frozen=True):
    """A call to delete_module(2): unload a module.

    The kernel copies the name, looks the module up, and refuses when other modules use it, when
    references are left, or when the module is still starting or already going. Otherwise it
    runs the module's exit function and frees the module, which is the event `module_free`. The
    reference count and the holders are read at the look-up; the result comes when the call has
    returned.

    O_TRUNC (0x200) forces the removal, on kernels with CONFIG_MODULE_FORCE_UNLOAD; on others it
    is ignored. O_NONBLOCK (0x800), which rmmod and modprobe always give, has had no effect
    since 3.13.

    Not seen: a module that hides itself without leaving.
    """

    group: ClassVar[str] = "modules"
    hooks = _syscall.ladder("delete_module")
    aids = (_syscall.NAME_COPY,)
    gives = _syscall.GIVES
    extra = _syscall.EXTRA
    use_case = (
        "See who unloads what, and why an unload fails: the reference count and the holders at the attempt are in the "
        "same event as the result. A forced removal, or that of a module which watches or protects the machine, "
        "deserves a look."
    )
    issues = (
        'The call never waits for a module to become free since Linux 3.13 (commit 3f2b9c9cdf38 "module: remove rmmod '
        '--wait option."): while references are left it fails with EWOULDBLOCK (which is EAGAIN), whatever the flags. '
        "delete_module(2) of older man-pages, and the document that this page follows, still describe the waiting. A "
        "call can take long all the same: the module's exit function runs inside it.\n\n"
        "`name` is user memory that another thread can change. The kernel's copy is read where the look-up was seen, "
        "is the one shown, and a difference is reported with both values. The kernel cuts a name after 55 bytes "
        "(MODULE_NAME_LEN is 56 on 64-bit kernels); a longer one therefore shows as a difference that is no race.\n\n"
        "Reference count and holders are those of the look-up; they can change before the kernel's own test. Both are "
        "null, with a reason, when the caller lacks the privilege (the kernel refuses before it copies the name) or "
        "no module has this name. Holders are modules that use its symbols, at most 64; each of them counts in "
        "`refcount`, as do open devices, mounts and connections.\n\n"
        "The document that this page follows names a hook do_delete_module; Linux has no such function. It also names "
        "kprobe_event_handler and rmmod as system calls, which they are not."
        "\n\n" + _syscall.STOPPED_LIMITS
    )
    related = ("module_free", "finit_module", "init_module")

    name: Annotated[
        str | None,
        RacyText(
            "const char *",
            "Name of the module to unload.",
            U,
            TOCTOU,
            OPT,
            members=("name", "name_kernel", "name_exit"),
            limit=NAME_MAX,
        ),
    ]
    flags: Annotated[tuple[str, ...], Flags("unsigned int", "How to unload it; unknown bits as a number.", names=FLAGS)]
    refcount: Annotated[
        int | None,
        Convert(
            "atomic_t",
            "References on the module when the kernel looked it up, holders included.",
            K,
            OPT,
            members=("refcount", "refcount_unread"),
            function=_refcount,
        ),
    ]
    holders: Annotated[
        tuple[str, ...] | None,
        Texts("struct list_head", "Modules that use its symbols, when the kernel looked it up.", K, OPT),
    ]
