"""Because the command of another module, or of a name that is no module's, loads it."""

from __future__ import annotations

from ringward.kmod.blocked.answer import BY_COMMAND, CLOSED, OPEN, Way
from ringward.kmod.blocked.by_name import RANK, reached
from ringward.kmod.blocked.commands import LOADS, effect
from ringward.kmod.triggers import ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.blocked.trial import Trial


def by_command(trial: Trial) -> list[Way]:
    """Return the ways by commands whose text says that they load the module; only root is told as who asks."""
    ways: list[Way] = []
    config = trial.resolver.config
    for line in (*config.install, *config.remove):
        if trial.module in {each.name for each in trial.resolver.lookup(line.key).hits} or line.key == trial.module:
            continue
        what = effect(line.value, trial.module)
        outcomes = [outcome for name in what.asks if (outcome := reached(trial, name))]
        command = f"modprobe {'-r ' if line.kind == 'remove' else ''}{line.key}"
        if what.loads == LOADS:
            ways.append(Way(BY_COMMAND, OPEN, [line.key], who=[ROOT], directives=[line], command=command))
        elif outcomes:
            best = min(outcomes, key=lambda each: RANK.index(each.result))
            lines = [line, *best.directives]
            ways.append(
                Way(BY_COMMAND, best.result, [line.key], who=[ROOT], why=best.why, directives=lines, command=command)
            )
    return ways or [Way(BY_COMMAND, CLOSED, why="no command says that it loads it")]
