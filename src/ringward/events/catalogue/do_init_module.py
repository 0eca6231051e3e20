"""The event `do_init_module`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import Text
from ringward.events.hooks import Hook


class DoInitModule(Args, frozen=True):
    """A module's own init function has run.

    The event comes when do_init_module() returns: after the module's constructors and its init
    function and, unless the module asked for asynchronous probing, after the wait for
    asynchronous work. `result` is 0, or the negative errno that init returned; `duration` is
    the time in nanoseconds.

    When init fails, the module is freed at once (`module_free`), and the call that loaded it
    fails with the same error.
    """

    group: ClassVar[str] = "modules"
    hooks = (
        Hook(
            "do_init_module",
            "fentry",
            "The name at entry (a failed init frees the module), result and duration at return.",
            "module",
            ("fentry_do_init_module", "fexit_do_init_module"),
        ),
        Hook(
            "do_init_module",
            "kprobe",
            "The name at entry (a failed init frees the module), result and duration at return.",
            "module",
            ("kprobe_do_init_module", "kretprobe_do_init_module"),
        ),
    )
    gives = frozenset({"result", "duration"})
    extra = frozenset({"attempt", "duration", "result"})
    use_case = (
        "Tell a module that was refused from one that was accepted and failed by itself, for example because its "
        "device is absent. See which modules make the boot slow."
    )
    issues = (
        "An init that hangs has no event. The attempt is then shown without a result, after a short while.\n\n"
        "A result of 0 says that init returned 0. A module whose init starts a thread and returns goes on by itself. "
        "A positive return value is a mistake of the module that the kernel only complains about in its log; the load "
        "succeeds and the result is 0.\n\n"
        "A failed init frees the module, so that its name cannot be read at return. It is taken at entry; when that "
        "was missed, `name` and `duration` are null with the reason.\n\n"
        "A module without init function has this event too: do_init_module() runs for every module."
    )
    related = ("module_load", "module_free")

    name: Annotated[str | None, Text("char[]", "Name of the module, as its image gives it.")]
