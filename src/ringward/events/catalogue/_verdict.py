"""What the verdicts of the guard have in common: who decided, by what, and whether it was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.fields import OPT, Convert, K, Tail, Truth
from ringward.events.hooks import Hook

_ACTIONS = ("allow", "deny")
_LEVELS = ("deny rule", "digest", "signer", "allow rule", "default", "fault")
_MODES = ("off", "learn", "monitor", "enforce")

TRAMPOLINE_LOSES = (
    "on preemptible kernels, what comes while another is being judged on that CPU: the kernel skips the run, and what"
    " is not judged passes (weaker: the guard does not enforce this way where the kernel preempts fully)"
)
"""What a program attached by fmod_ret does not decide on."""
LIMITS = (
    "The guard's hooks are BPF trampolines: the sysctl kernel.ftrace_enabled=0 silences them, and what is not judged"
    " passes. Nothing is detached; the next canary tells (see `sensor_status`).\n\n"
    "When as many decisions are under way as the guard has room for (128), the next one is not made: it counts as"
    " denied in enforce, passes in every other mode, and `made_by` is fault."
)
"""Part of each page's issues."""


def names(values: tuple[str, ...]) -> Callable[[Tail, int], str]:
    """Return a function of (tail, number) that gives the name of a constant."""
    return lambda _tail, value: values[value] if 0 <= value < len(values) else str(value)


def _rule(tail: Tail, loc: int) -> str | None:
    if not loc >> 16:
        tail.missing("rule", "no rule made it")
        return None
    return tail.text("rule", loc)


def hook(function: str, rung: str, purpose: str, object_: str, programs: tuple[str, ...]) -> Hook:
    """Return a hook of a security function; `function`: its name as a BPF LSM program has it, or several."""
    if rung == "lsm":
        return Hook(function, rung, purpose, object_, programs)
    where = ", ".join(f"security_{name}" for name in function.split(", "))
    return Hook(where, rung, purpose, object_, programs, TRAMPOLINE_LOSES)


class Verdict(Args, frozen=True):
    """The part of each verdict that says what was decided."""

    group: ClassVar[str] = "guard"

    verdict: Annotated[
        str,
        Convert(
            "u32",
            "What policy says: allow, deny.",
            K,
            members=("verdict.action",),
            function=names(_ACTIONS),
        ),
    ]
    refused: Annotated[
        bool,
        Truth(
            "bool",
            "Whether the kernel was told to refuse it: a denial in the mode enforce.",
            K,
            members=("verdict.refused",),
        ),
    ]
    mode: Annotated[
        str,
        Convert(
            "u32",
            "Of the guard: learn, monitor, enforce.",
            K,
            members=("verdict.mode",),
            function=names(_MODES),
        ),
    ]
    made_by: Annotated[
        str,
        Convert(
            "u32",
            "What made the verdict, in the order of precedence: deny rule, digest, signer, allow rule, default; fault:"
            " no decision could be made.",
            K,
            members=("verdict.level",),
            function=names(_LEVELS),
        ),
    ]
    rule: Annotated[
        str | None,
        Convert("char[]", "The rule's name.", K, OPT, members=("verdict.rule",), function=_rule),
    ]
    fact_unread: Annotated[
        bool,
        Truth(
            "bool",
            "The rule denies because a fact that it asks for could not be read.",
            K,
            members=("verdict.fact_unread",),
        ),
    ]

    def outcome(self) -> str:
        """Return the verdict for a person: allow, would deny, denied; and what made it."""
        what = "denied" if self.refused else "would deny" if self.verdict == "deny" else "allow"
        return f"{what} by {self.rule or self.made_by}"
