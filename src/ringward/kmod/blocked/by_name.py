"""By its own name: what root does, and the kernel itself in some places."""

from __future__ import annotations

from ringward.kmod.blocked.answer import BY_NAME, CLOSED, COULD_NOT_LOOK, IGNORING, OPEN, Way
from ringward.kmod.blocked.trial import Outcome
from ringward.kmod.triggers import ROOT, named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.trial import Trial

RANK = (OPEN, COULD_NOT_LOOK, CLOSED)
"""Results, the one that matters most first."""


def reached(trial: Trial, name: str, *, ignore_commands: bool = False) -> Outcome | None:
    """Return what comes of asking for a name that may mean several modules; None: the module is not reached.

    Another module that it means may pull the module in.
    """
    found = []
    for hit in trial.resolver.lookup(name).hits:
        if hit.name == trial.module:
            found.append(trial.hit(hit, ignore_commands=ignore_commands))
            continue
        outcome = trial.hit(hit, ignore_commands=ignore_commands, unloaded=hit.name)
        if outcome.result == OPEN:
            why = f"the name means {hit.name}, which pulls it in"
            lines = [line for line in (hit.directive, *outcome.directives) if line]
            found.append(Outcome(OPEN, why, lines, outcome.step))
    return min(found, key=lambda each: RANK.index(each.result), default=None)


def by_name(trial: Trial, *, kernel_asks: bool) -> Way:
    """Return the way by the module's own name.

    Args:
        trial: of the module.
        kernel_asks: whether the kernel can call modprobe.

    """
    name = trial.module
    trigger = named(name) if kernel_asks else None
    who, what = ([ROOT], "") if trigger is None else ([trigger.who, ROOT], trigger.what)
    command = f"modprobe {name}"
    outcome = reached(trial, name)
    if outcome is None:
        answer = trial.resolver.lookup(name)
        lines = [hit.directive for hit in answer.hits if hit.directive]
        meant = ", ".join(hit.name for hit in answer.hits) or "nothing"
        return Way(BY_NAME, CLOSED, [name], why=f"the name means {meant}", directives=lines, command=command)
    return Way(
        BY_NAME,
        outcome.result,
        [name],
        who=list(dict.fromkeys(who)),
        what=what,
        why=outcome.why,
        directives=outcome.directives,
        command=command,
    )


def ignoring_commands(trial: Trial) -> Way:
    """Return the way by ``modprobe -i``, which root can always take."""
    name = trial.module
    command = f"modprobe -i {name}"
    outcome = reached(trial, name, ignore_commands=True)
    if outcome is None:
        return Way(IGNORING, CLOSED, [name], why="the name does not mean it", command=command)
    return Way(
        IGNORING, outcome.result, [name], who=[ROOT], why=outcome.why, directives=outcome.directives, command=command
    )
