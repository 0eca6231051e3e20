"""The event `init_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.catalogue import _syscall
from ringward.events.fields import OPT, TOCTOU, Hex, RacyText, Spec, U


class InitModule(Args, frozen=True):
    """A call to init_module(2): load a module from memory."""

    group: ClassVar[str] = "modules"
    hooks = _syscall.ladder("init_module")
    aids = (_syscall.PARAMS_COPY,)
    extra = _syscall.EXTRA
    use_case = ""
    issues = ""
    related = ("finit_module", "module_digest", "module_load", "do_init_module", "delete_module")

    module_image: Annotated[str, Hex("void *", "Where the image stands in the caller's memory.", U)]
    len: Annotated[int, Spec("unsigned long", "Size of the image, bytes.")]
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
