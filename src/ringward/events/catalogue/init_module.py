"""The event `init_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Hex, RacyText, Spec, U


class InitModule(Args, frozen=True):
    """A call to init_module(2): load a module from memory.

    The caller hands over an ELF image that stands in its own memory. The kernel checks
    CAP_SYS_MODULE, copies the image, checks signature and format, resolves the symbols, copies
    and parses the parameters, and runs the module's init function. The event is the attempt
    and, when the call has returned, its result: 0, or the negative errno of the step that
    failed.

    modprobe and insmod use this call when they have decompressed the file themselves, as Debian
    12's do with a .ko.xz. The kernel then knows no file: where the image came from is not to be
    had from this call, and the image itself is described by `module_digest`.

    Not seen: code that the kernel has built in, or gets without this call (kexec, livepatch
    through finit_module, eBPF).
    """

    group: ClassVar[str] = "modules"
    hooks = _syscall.ladder("init_module")
    aids = (_syscall.PARAMS_COPY,)
    gives = _syscall.GIVES
    extra = _syscall.EXTRA
    use_case = (
        "See every module that is loaded from memory, by whom, with which parameters, and whether it worked. A load "
        "that comes neither from modprobe nor from insmod, or whose image no file on the machine matches, deserves a "
        "look."
    )
    issues = (
        "`param_values` is user memory that another thread can change during the call. It is read at entry; the copy "
        "that the kernel parses (strndup_user) is read too and shown where there is one, and a difference is reported "
        "with both values. The module's own `args` cannot serve for this: parse_args() has cut it into pieces by the "
        "time that the module is linked.\n\n"
        "The kernel copies the parameters last, after signature, format and symbols were accepted. A load that fails "
        "before that has no copy: the reading at entry is shown or, when that page was not in memory yet, the one at "
        "exit; `sources` says which. When none succeeded the value is null, with the reason.\n\n"
        "The first event of a call that hangs is sent with the readings at entry alone.\n\n"
        "`module_image` and `len` are what was asked for, and `len` is not checked. Size and digest of what the "
        "kernel took are in `module_digest`; a call that is refused before the copy (EPERM, EFAULT, an image shorter "
        "than an ELF header) has none.\n\n"
        "The document that this page follows tags `param_values` U alone; it is open to TOCTOU as well."
        "\n\n" + _syscall.STOPPED_LIMITS
    )
    related = ("finit_module", "module_digest", "module_load", "do_init_module", "delete_module")

    module_image: Annotated[str, Hex("void *", "Where the image stands in the caller's memory.", U)]
    len: Annotated[int, Spec("unsigned long", "Size of the image as the caller gave it, bytes.")]
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
