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
    """A call to finit_module(2): load a module from a file descriptor."""

    group: ClassVar[str] = "modules"
    hooks = _syscall.ladder("finit_module")
    aids = (_syscall.PARAMS_COPY, _syscall.FILE_COPY)
    extra = _syscall.EXTRA
    use_case = ""
    issues = ""
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
