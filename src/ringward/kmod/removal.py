"""``modprobe -r``: which modules go, in which order, and what keeps one from going.

What goes depends on what has gone already (a dependency whose last user went), so that each step is done when it
is decided.
"""

from __future__ import annotations

from ringward.kmod.errors import KmodError
from ringward.kmod.lookup import Hit
from ringward.kmod.step import DEPENDENCY, NAMED, POST, PRE, Cause, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ringward.kmod.directive import Directive
    from ringward.kmod.proc import Live
    from ringward.kmod.resolve import Module, Resolver

RMMOD, REMOVE = "rmmod", "remove"
"""Actions: unload the module; run the ``remove`` command that stands for it."""
HOLDER = "holder"
"""Kind of cause: it uses the module that is to go."""
MOST_TURNS = 10_000
"""Modules that one removal looks at: softdeps that branch at each of forty levels would never end."""


class Removal:
    """Unloads modules as modprobe does.

    Args:
        resolver: of the tree and the configuration.
        live: what is loaded; asked anew for every step.
        do: does a step, and returns whether it succeeded.
        complain: called with a sentence about a module that does not go; it may raise to end it all.
        depends: as if all was loaded and nothing in use.
        ignore_commands: no ``remove`` commands and no softdeps.
        holders: modules that use the named one go first.
        wait: a module in use is tried all the same: `do` waits.
        first_time: that a module is not loaded is a fault.

    """

    def __init__(
        self,
        resolver: Resolver,
        live: Live,
        *,
        do: Callable[[Step], bool],
        complain: Callable[[str], None],
        depends: bool = False,
        ignore_commands: bool = False,
        holders: bool = False,
        wait: bool = False,
        first_time: bool = False,
    ) -> None:
        self.resolver = resolver
        self.live = live
        self.do = do
        self.complain = complain
        self.depends = depends
        self.ignore_commands = ignore_commands
        self.holders = holders
        self.wait = wait
        self.first_time = first_time
        self._going: set[str] = set()
        self._turns = 0

    def remove(self, hit: Hit, asked: str) -> bool:
        """Unload a module that a name means, and what goes with it; return whether the module itself went.

        A module: its post-softdeps, last one first; its holders, if asked for, last one first; itself; what it
        needed by modules.dep and nobody uses any more, unless a command stood for it; its pre-softdeps, last one
        first. Softdeps and holders go as modules of their own, with all that this means; but not below themselves,
        so that circles of softdeps end (kmod's modprobe crashes on them), and after `MOST_TURNS` no more at all.

        Raises:
            KmodError: a damaged index.

        """
        self._going.clear()
        self._turns = 0
        cause = Cause(NAMED, asked, hit.directive, hit.pattern)
        # Each entry waits for the answer of the one above it: chains of softdeps may be longer than Python's stack.
        stack = [self._module(self.resolver.module(hit), cause)]
        answer: bool | None = None
        while stack:
            try:
                below = stack[-1].send(answer)
            except StopIteration as end:
                stack.pop()
                answer = end.value
            else:
                stack.append(below)
                answer = None
        return bool(answer)

    def _module(self, module: Module, cause: Cause) -> _Task:
        """Unload a module with all that goes with it, unless that is under way; return whether it is gone."""
        name = module.name
        self._turns += 1
        if name in self._going or self._turns > MOST_TURNS:
            return True
        self._going.add(name)
        gone = yield self._with_all(module, cause)
        self._going.discard(name)
        return bool(gone)

    def _with_all(self, module: Module, cause: Cause) -> _Task:
        name = module.name
        command = None if self.ignore_commands else self.resolver.remove_command(name, module.alias)
        if not command and not self.depends:
            state = "builtin" if self.resolver.builtin(module) else self.live.state(name)
            if state is None or state == "builtin":
                return self._absent(name, cause, builtin=state == "builtin")
        soft = None if self.ignore_commands else self.resolver.softdeps(module)
        for each, why in reversed(soft.post if soft else ()):
            yield self._module(each, Cause(POST, name, why.directive, why.word))
        if self.holders and cause.kind == NAMED:
            gone = yield self._holders(name)
            if not gone:
                return False
        if not self._itself(module, cause, command):
            return False
        for each, why in reversed(soft.pre if soft else ()):
            yield self._module(each, Cause(PRE, name, why.directive, why.word))
        return True

    def _holders(self, name: str) -> _Task:
        """Unload the modules that use one; return whether they went."""
        try:
            holders = self.live.holders(name)
        except OSError:  # not loaded: a remove command stands for it
            return True
        self._going.discard(name)  # a holder's softdep may be this one
        for holder in reversed(holders):
            gone = yield self._module(self.resolver.module(Hit(holder)), Cause(HOLDER, name))
            if not gone:
                return False
        return True

    def _itself(self, module: Module, cause: Cause, command: Directive | None) -> bool:
        """Unload a module alone, and what it needed and nobody uses any more; return whether it went."""
        name = module.name
        if not (command or self.depends or self.wait) and self._users(name) > 0:
            self.complain(f"Module {name} is in use.")
            return False
        action = REMOVE if command else RMMOD
        if not self.do(Step(action, name, cause, alias=module.alias, required=True, command=command)):
            return False
        for each in () if command else self.resolver.dependencies(module):
            if self._users(each.name) == 0:
                self.do(Step(RMMOD, each.name, Cause(DEPENDENCY, name)))
        return True

    def _absent(self, name: str, cause: Cause, *, builtin: bool) -> bool:
        """Return whether it is no fault that a module cannot go because it is not loaded, or built in."""
        if builtin:
            if cause.kind != NAMED:
                return True
            self.complain(f"Module {name} is builtin.")
            return False
        if self.first_time:
            self.complain(f"Module {name} is not in kernel.")
        return not self.first_time

    def _users(self, name: str) -> int:
        """Return how many use a module; -1 when it is not loaded, or that cannot be told."""
        try:
            return self.live.refcount(name)
        except (OSError, KmodError):
            return -1


if TYPE_CHECKING:
    _Task = Generator["_Task", bool | None, bool]


def line(step: Step) -> str:
    """Return what ``modprobe -r -v`` prints for a step."""
    return f"remove {command(step)}" if step.action == REMOVE else f"rmmod {step.name}"


def command(step: Step) -> str:
    """Return the shell command of a REMOVE step; a removal has no options that $CMDLINE_OPTS could stand for."""
    return step.command.value.replace("$CMDLINE_OPTS", "") if step.command else ""
