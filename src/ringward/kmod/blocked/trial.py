"""Whether modprobe's steps for some request get a module in, as far as the configuration decides."""

from __future__ import annotations

from ringward.kmod.blocked.answer import CLOSED, COULD_NOT_LOOK, OPEN
from ringward.kmod.blocked.commands import KEEPS_OUT, LOADS, effect
from ringward.kmod.compression import read_module
from ringward.kmod.elf import Elf
from ringward.kmod.errors import KmodError
from ringward.kmod.names import module_name, path_to_name
from ringward.kmod.step import INSMOD, INSTALL, NOTHING, SKIP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ringward.kmod.directive import Directive
    from ringward.kmod.lookup import Hit
    from ringward.kmod.resolve import Resolver, State
    from ringward.kmod.step import Step


class Outcome:
    """What comes of a request.

    result: OPEN: the module gets in; CLOSED; COULD_NOT_LOOK: it depends on what a command does.
    why: what stops it, or lets it through.
    directives: the lines of the configuration that do.
    step: of the module that is asked about; None: it is not reached.
    """

    __slots__ = ("directives", "result", "step", "why")

    def __init__(
        self, result: str, why: str = "", directives: Sequence[Directive] = (), step: Step | None = None
    ) -> None:
        self.result = result
        self.why = why
        self.directives = tuple(directives)
        self.step = step


class NothingLoaded:
    """The state of the modules of a kernel that does not run."""

    def state(self, name: str) -> None:
        """Return None: not in the kernel."""


class Without:
    """The state of the modules, as if some were not loaded."""

    def __init__(self, live: State, names: set[str]) -> None:
        self.live = live
        self.names = names

    def state(self, name: str) -> str | None:
        """Return what `Live.state` says of the others."""
        return None if name in self.names else self.live.state(name)


class Trial:
    """Tries requests for one module, of which nothing is done.

    Args:
        resolver: of modprobe's steps.
        module: that is to get in.
        live: what is loaded.
        refuses: why the kernel would refuse another module, or "".

    """

    def __init__(self, resolver: Resolver, module: str, live: State, refuses: Callable[[str], str]) -> None:
        self.resolver = resolver
        self.tree = resolver.tree
        self.module = module
        self.live = Without(live, {module})
        self.refuses = refuses
        self._wants: dict[str, frozenset[str] | None] = {}

    def hit(self, hit: Hit, *, ignore_commands: bool = False, unloaded: str = "") -> Outcome:
        """Return what comes of loading one of the modules that a name means.

        Args:
            hit: the module.
            ignore_commands: as ``modprobe -i``.
            unloaded: another module that is taken for one that is not loaded.

        """
        live = Without(self.live, {unloaded}) if unloaded else self.live
        steps = self.resolver.probe_hit(hit, hit.name, live=live, ignore_commands=ignore_commands)
        return self.steps(steps)

    def steps(self, steps: list[Step]) -> Outcome:
        """Return what comes of the steps of one module."""
        found: list[Outcome] = []
        lost: dict[str, tuple[str, tuple[Directive, ...]]] = {}
        done: set[str] = set()
        for step in steps:
            outcome = self._step(step, lost, done)
            if outcome.result != CLOSED:  # what a command of another module does is taken for loading it
                done.add(step.name)
            elif step.name != self.module and step.action != SKIP:
                lost.setdefault(step.name, (outcome.why, outcome.directives))
            if step.name == self.module:
                if outcome.result == OPEN:
                    return outcome
                found.append(outcome)
            elif step.required and outcome.result == CLOSED and self._fails(step):
                why = f"{step.name} is loaded before it, and fails: {outcome.why}"
                found.append(Outcome(CLOSED, why, outcome.directives))
                break
        unsure = [each for each in found if each.result == COULD_NOT_LOOK]
        return next(iter(unsure or found), Outcome(CLOSED, "modprobe does not come to it"))

    def command(self, line: Directive, module: str) -> Outcome:
        """Return what an install command does with a module."""
        what = effect(line.value, module, self.tree.exists)
        told = f"'{line.value.strip()}' is run instead"
        if what.loads == KEEPS_OUT and module not in map(module_name, what.asks):
            return Outcome(CLOSED, told, (line,))
        if what.loads == LOADS:
            return Outcome(OPEN, f"{told}, and loads it", (line,))
        return Outcome(COULD_NOT_LOOK, f"{told}, and what that does cannot be told", (line,))

    def _step(self, step: Step, lost: dict[str, tuple[str, tuple[Directive, ...]]], done: set[str]) -> Outcome:
        """Return whether a step gets its own module in."""
        lines = (step.directive,) if step.directive else ()
        if step.action == SKIP:
            return Outcome(CLOSED, step.why, lines, step)
        if step.action == NOTHING:
            return Outcome(CLOSED, "there is no such module", (), step)
        if step.action == INSTALL and step.command:
            outcome = self.command(step.command, step.name)
        elif step.action == INSMOD:
            outcome = Outcome(OPEN)
            refusal = "" if step.name == self.module else self.refuses(step.name)
            if refusal:
                outcome = Outcome(CLOSED, refusal)
        else:
            return Outcome(OPEN)  # it is in the kernel
        outcome.step = step
        if outcome.result != CLOSED:
            for name in self._missing(step.name, done, lost):
                why, directives = lost.get(name, ("its file is not there", ()))
                return Outcome(CLOSED, f"it needs {name}, which is not loaded: {why}", directives, step)
        return outcome

    def _fails(self, step: Step) -> bool:
        """Return whether a step that does not get its module in ends the chain; a command may end well."""
        if step.action != INSTALL or step.command is None:
            return True
        return effect(step.command.value, step.name, self.tree.exists).fails

    def _missing(self, name: str, done: set[str], lost: dict[str, tuple[str, tuple[Directive, ...]]]) -> list[str]:
        """Return the modules without which the kernel would not take a module, and which are not there by then."""
        line = self.tree.dep(name)
        if line is None:
            return []
        needed = [path_to_name(path) for path in line.deps]
        # modprobe leaves all of them out when the file of one is not there.
        left_out = set(needed) - done if self.resolver.missing(name) else set()
        return [
            each
            for each in needed
            if (each in lost or each in left_out)
            and not self.resolver.in_kernel(each, self.live)
            and self._wants_symbol_of(name, each)
        ]

    def _wants_symbol_of(self, name: str, owner: str) -> bool:
        """Return whether a module itself needs a symbol of another one; it can do without a weak one."""
        if name not in self._wants:
            self._wants[name] = self._strong(name)
        wants = self._wants[name]
        return wants is None or any(owner in self.tree.symbol(f"symbol:{symbol}") for symbol in wants)

    def _strong(self, name: str) -> frozenset[str] | None:
        """Return the symbols that a module cannot do without; None: its file cannot be read."""
        line = self.tree.dep(name)
        if line is None:
            return None
        try:
            wants = Elf(read_module(self.tree.real(line.path)), line.path).wants()
        except (OSError, KmodError):
            return None
        return frozenset(symbol for symbol, _, weak in wants if not weak)
