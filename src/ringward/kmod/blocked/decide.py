"""Whether a module can still get in: every way is tried on what modprobe and the kernel are told; nothing is done."""

from __future__ import annotations

from ringward.kmod import lookup
from ringward.kmod.blocked.answer import (
    ABSENT,
    BLOCKED,
    BUILT_IN,
    BY_FILE,
    CLOSED,
    COULD_NOT_LOOK,
    GOVERNED,
    IGNORING,
    KERNEL,
    LOADED,
    MODPROBE,
    OPEN,
    UNKNOWN,
    Answer,
    Remedy,
    Way,
)
from ringward.kmod.blocked.by_alias import Aliases, by_alias
from ringward.kmod.blocked.by_command import by_command
from ringward.kmod.blocked.by_dependency import Requests, by_dependency
from ringward.kmod.blocked.by_file import by_file
from ringward.kmod.blocked.by_name import by_name, ignoring_commands
from ringward.kmod.blocked.kernel_policy import Policy
from ringward.kmod.blocked.remedies import in_kernel, in_modprobe
from ringward.kmod.blocked.trial import Trial, Without
from ringward.kmod.blocked.useless import Lines
from ringward.kmod.config_files import UNREAD
from ringward.kmod.directive import CMDLINE
from ringward.kmod.names import BracketError, alias_name, module_name, path_to_name
from ringward.kmod.reverse import Reverse
from ringward.kmod.tree import BUILTIN
from ringward.kmod.triggers import NOT_KNOWN, ROOT, WHO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ringward.kmod.blocked.kernel_policy import File
    from ringward.kmod.directive import Problem
    from ringward.kmod.kernel import Kernel
    from ringward.kmod.resolve import Resolver, State

ASSUMED = (
    "modprobe is kmod's, and udev and the kernel go through its configuration as it is",
    "the initramfs, which has modules and a configuration of its own, is like this system",
    "security modules of the kernel (IMA, LoadPin, IPE, BPF) do not forbid it",
    "a command of another module loads what its text says, and no more",
    "root changes nothing: root can edit the configuration, and where no signature is demanded load a renamed copy",
)
"""What is taken for granted."""


class Decider:
    """Answers for one kernel and one configuration. Raises KmodError for a damaged index.

    Args:
        resolver: of its modules and the configuration.
        kernel: what is known of it.
        live: what is loaded.
        read: gives the text of a file of the configuration, None when it cannot be read.
        directory: of the configuration, where a remedy's file would be.

    """

    def __init__(
        self,
        resolver: Resolver,
        kernel: Kernel,
        live: State,
        read: Callable[[str], str | None],
        directory: str,
    ) -> None:
        self.resolver = resolver
        self.tree = resolver.tree
        self.config = resolver.config
        self.kernel = kernel
        self.live = live
        self.read = read
        self.directory = directory
        self.reverse = Reverse(self.tree, self.config)
        self.aliases = Aliases(self.tree, self.config)
        self.policy = Policy(kernel)

    def assumed(self) -> list[str]:
        """Return what is taken for granted, and what of the kernel is not known."""
        found = list(ASSUMED)
        if not (self.kernel.running or self.kernel.tree.root):
            found.append(
                f"nothing is loaded, and the kernel accepts the module: {self.kernel.version} is not the one that runs"
            )
        elif self.kernel.told(CMDLINE)[0] is None:
            found.append(f"the kernel command line says nothing of it: {self.kernel.told(CMDLINE)[1]}")
        asks, why = self.policy.asks()
        if asks is None:
            found.append(f"the kernel calls modprobe for what it asks for: {why}")
        return found

    def meant(self, asked: str) -> list[str]:
        """Return the modules that a name means: that of this name, else those that it is an alias of."""
        if asked.startswith(("/", "./")):
            return [path_to_name(asked)]
        try:
            name = alias_name(asked)
        except BracketError:
            return [asked]
        if not self._exists(name) and self._exists(module_name(asked)):
            return [module_name(asked)]  # a file's name
        if self._exists(name):
            return [name]
        answer = self.resolver.lookup(asked)
        modules = [hit.name for hit in answer.hits] if answer.source != lookup.COMMAND else self.tree.alias(name)
        return list(dict.fromkeys(modules)) or [name]

    def _exists(self, name: str) -> bool:
        return self.tree.dep(name) is not None or self.tree.builtin(name) or self.live.state(name) is not None

    def answers(self, asked: str) -> list[Answer]:
        """Return the answer for each module that a name means."""
        return [self.answer(asked, module) for module in self.meant(asked)]

    def answer(self, asked: str, module: str) -> Answer:
        """Return the answer for a module."""
        line = self.tree.dep(module)
        state = self.live.state(module)
        if self.tree.builtin(module) or state == "builtin":
            return self._builtin(asked, module)
        if line is None or not self.tree.exists(line.path):
            return self._absent(asked, module, line.path if line else "", state)
        answer = Answer(asked, module, UNKNOWN, "")
        file = self.policy.file(module, Without(self.live, {module}))
        answer.ways = self._ways(module, line.path, file)
        answer.unseen = [f"{each.place}: {each.why}" for each in self._unread()]
        answer.unseen += [file.why_no_file] if file.facts is None else []
        self._judge(answer, file, state)
        lines = Lines(module, list(self.aliases.of(module)), self.resolver, self.read)
        answer.useless = lines.without_effect(answer.ways)
        if answer.word == LOADED:
            closes = "it is unloaded, unless somebody uses it"
            answer.remedies.append(Remedy("a shell, as root", [f"modprobe -r {module}"], closes))
        answer.remedies += in_modprobe(module, answer.ways, self.resolver, self.reverse, self.directory)
        answer.remedies += in_kernel(module, answer.ways, self.config.cmdline)
        return answer

    def _ways(self, module: str, path: str, file: File) -> list[Way]:
        """Return every way, with what the kernel has to say to it."""
        trial = Trial(self.resolver, module, self.live, self.policy.refuses)
        kernel_asks = self.policy.asks()[0] is not False
        requests = Requests(trial, self.aliases, kernel_asks=kernel_asks)
        ways = [
            by_name(trial, kernel_asks=kernel_asks),
            *by_alias(trial, self.aliases, kernel_asks=kernel_asks),
            *by_dependency(trial, self.reverse, requests),
            *by_command(trial),
            ignoring_commands(trial),
            by_file(path, file),
        ]
        if file.refusal:
            for way in ways:
                if way.kind != BY_FILE and way.result != CLOSED:
                    way.result, way.why = CLOSED, f"the kernel refuses it: {file.refusal}"
        return ways

    def _unread(self) -> list[Problem]:
        """Return the parts of the configuration that could not be read; an image of a disk has no /proc."""
        return [
            each
            for each in self.config.problems
            if each.kind in UNREAD and not (each.path == CMDLINE and self.tree.root)
        ]

    def _judge(self, answer: Answer, file: File, state: str | None) -> None:
        """Set the word and explain it."""
        governed = {way.result for way in answer.ways if way.kind in GOVERNED}
        if state is not None:
            answer.word, answer.why = LOADED, f"it is in the kernel ({state})"
        elif self._unread() or (COULD_NOT_LOOK in governed and OPEN not in governed):
            answer.word, answer.why = UNKNOWN, "it depends on what could not be looked at"
        elif OPEN in governed:
            answer.word, answer.why = OPEN, _how(answer)
        else:
            answer.word = BLOCKED
            answer.by = KERNEL if file.refusal and not file.forced else MODPROBE
            answer.why = (
                f"the kernel refuses it: {file.refusal}"
                if answer.by == KERNEL
                else "no name, alias or dependency gets it in" + _around(answer)
            )

    def _builtin(self, asked: str, module: str) -> Answer:
        answer = Answer(asked, module, BUILT_IN, "it is a part of the kernel, and came in with it")
        lines = Lines(module, [], self.resolver, self.read)
        answer.useless = lines.of_builtin()
        closes = "only a kernel without it, or its init function's name in initcall_blacklist=, keeps it from running"
        answer.remedies = [Remedy(CMDLINE, [], closes)]
        return answer

    def _absent(self, asked: str, module: str, path: str, state: str | None) -> Answer:
        """Return the answer for what modprobe has no file of."""
        why = f"modules.dep names {path}, which does not exist" if path else f"there is none in {self.tree.directory}"
        if state is not None:
            answer = Answer(asked, module, LOADED, f"it is in the kernel ({state}); {why}")
            answer.remedies = [Remedy("a shell, as root", [f"rmmod {module}"], "it is unloaded, unless it is used")]
            return answer
        answer = Answer(asked, module, ABSENT, why)
        if self.tree.index(BUILTIN) is None:
            answer.word = UNKNOWN
            answer.unseen = [f"{self.tree.directory}/{BUILTIN}: not there, so it may be a part of the kernel"]
        answer.why += self._near(module)
        return answer

    def _near(self, module: str) -> str:
        """Return which module may have been meant."""
        from difflib import get_close_matches  # noqa: PLC0415 - only a wrong name needs it

        names = [*self.tree.modules(), *self.tree.builtins()] if len(module) < 60 else []
        near = next(iter(get_close_matches(module, names, 1, 0.85)), "")
        return f"; {near} was meant?" if near and near != module else ""


def _how(answer: Answer) -> str:
    """Return how an open one gets in, and who can bring it about."""
    ways = answer.open(*GOVERNED)
    kinds = list(dict.fromkeys(way.kind for way in ways))
    least = min(ways, key=lambda way: WHO.index(way.who[0]))
    who = least.who[0]
    told = {ROOT: "as far as is known only root asks", NOT_KNOWN: "who asks is not known"}.get(
        who, f"{who}: {least.what}"
    )
    return f"modprobe loads it {', '.join(kinds)}; {told}"


def _around(answer: Answer) -> str:
    """Return how root gets round the configuration."""
    ways = answer.open(IGNORING, BY_FILE)
    return f"; root still can: {', '.join(way.command for way in ways)}" if ways else ""
