"""What loading some names would come to: every step, why it is there, what is left out, what the kernel would say.

Nothing is loaded. Steps are `resolve`'s; a module that comes several times comes once here, with every cause.
"""

from __future__ import annotations

from hashlib import sha256

from ringward.kmod import acceptance
from ringward.kmod.acceptance import Candidate, Check, Provider
from ringward.kmod.compression import decompress, read_file, read_module
from ringward.kmod.elf import Elf
from ringward.kmod.errors import KmodError
from ringward.kmod.lookup import ALIAS, Lookup
from ringward.kmod.modinfo import image_info
from ringward.kmod.sensitive import sensitive
from ringward.kmod.step import INSMOD, LOADED, NAMED, NOTHING, SKIP, Cause, Step
from ringward.kmod.symvers import KERNEL, Export
from ringward.kmod.sysroot import told
from ringward.kmod.taint import Taint, licence, taints
from ringward.kmod.verify import verify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringward.kmod.directive import Directive
    from ringward.kmod.kernel import Kernel
    from ringward.kmod.resolve import Resolver, State
    from ringward.kmod.verify import Verdict


BUILTIN_STATE = "builtin"


class Note:
    """What does not take part as its author may think: a sentence, and the line of the configuration if it is one."""

    __slots__ = ("directive", "text")

    def __init__(self, text: str, directive: Directive | None = None) -> None:
        self.text = text
        self.directive = directive


class FileFacts:
    """What a module's file is.

    path: of it, without the sysroot.
    size: in bytes.
    sha256: of the file, in hexadecimal digits.
    image_sha256: of the ELF image in it with its signature, unpacked: what init_module(2) gets.
    licence: that the module names, or None.
    verdict: on its signature.
    taints: that loading it would set.
    """

    __slots__ = ("image_sha256", "licence", "path", "sha256", "size", "taints", "verdict")

    def __init__(
        self,
        path: str,
        size: int,
        sha256: str,
        image_sha256: str,
        named_licence: str | None,
        verdict: Verdict,
        found: list[Taint],
    ) -> None:
        self.path = path
        self.size = size
        self.sha256 = sha256
        self.image_sha256 = image_sha256
        self.licence = named_licence
        self.verdict = verdict
        self.taints = found


class Planned:
    """A step with what is known of it.

    step: modprobe's.
    again: causes of the same module's further steps.
    state: of the module in the kernel: "live", "coming", "going", "builtin", or None: it is not there.
    notes: directives and dependencies that do not take part.
    file: what its file is; None: there is none, or it could not be read.
    why_no_file: why, or "".
    checks: whether the kernel would load it; empty when nothing would be loaded.
    sensitive: symbol and group of `sensitive`.
    """

    __slots__ = ("again", "checks", "file", "notes", "sensitive", "state", "step", "why_no_file")

    def __init__(self, step: Step) -> None:
        self.step = step
        self.again: list[Cause] = []
        self.state: str | None = None
        self.notes: list[Note] = []
        self.file: FileFacts | None = None
        self.why_no_file = ""
        self.checks: list[Check] = []
        self.sensitive: list[tuple[str, str]] = []

    @property
    def accepted(self) -> str | None:
        """YES, NO or COULD_NOT_LOOK of `acceptance`; None: nothing would be loaded."""
        return acceptance.overall(self.checks) if self.checks else None


class Plan:
    """The answer for some names.

    answers: what each of them means, with notes.
    steps: in modprobe's order, each module once.
    """

    __slots__ = ("answers", "steps")

    def __init__(self) -> None:
        self.answers: list[tuple[Lookup, list[Note]]] = []
        self.steps: list[Planned] = []


class Planner:
    """Makes plans for one kernel.

    Args:
        resolver: of its modules and the configuration.
        live: what is loaded.
        kernel: what is known of it.
        use_blacklist: see `Resolver.probe_hit`.
        ignore_commands: see there.

    """

    def __init__(
        self,
        resolver: Resolver,
        live: State,
        kernel: Kernel,
        *,
        use_blacklist: bool = False,
        ignore_commands: bool = False,
    ) -> None:
        self.resolver = resolver
        self.live = live
        self.kernel = kernel
        self.use_blacklist = use_blacklist
        self.ignore_commands = ignore_commands
        self._exports: dict[str, dict[str, Export]] = {}

    def plan(self, names: Sequence[str], words: Sequence[str] = ()) -> Plan:
        """Return what loading the names one after the other would come to.

        Args:
            names: modules, aliases, symbols, paths.
            words: parameters for every module that a name means.

        Raises:
            KmodError: a damaged index.

        """
        plan = Plan()
        first: dict[str, Planned] = {}
        for name in names:
            answer = self.resolver.lookup(name)
            plan.answers.append((answer, self._about(answer)))
            steps = self.resolver.probe(
                name,
                words,
                live=self.live,
                use_blacklist=self.use_blacklist,
                ignore_commands=self.ignore_commands,
            )
            for step in steps:
                known = first.get(step.name) if step.action == INSMOD else None
                if known is None:
                    planned = Planned(step)
                    plan.steps.append(planned)
                    if step.action == INSMOD:
                        first[step.name] = planned
                else:
                    known.again.append(step.cause)
                    known.notes += _differences(known.step, step)
        ready: set[str] = set()
        for planned in plan.steps:
            self._look(planned, ready)
            if planned.accepted != acceptance.NO and planned.step.action not in {SKIP, NOTHING}:
                ready.add(planned.step.name)
        return plan

    def _about(self, answer: Lookup) -> list[Note]:
        """Return what a lookup hides."""
        notes = []
        if answer.source == ALIAS and self.resolver.tree.dep(answer.name):
            notes.append(Note(f"the alias hides the module {answer.name}", answer.hits[0].directive))
        if answer.source == ALIAS:
            notes += [
                Note(f"there is no module {hit.name}; aliases of aliases are not followed", hit.directive)
                for hit in answer.hits
                if not self.resolver.path(hit) and not self.resolver.builtin(self.resolver.module(hit))
            ]
        return notes

    def _look(self, planned: Planned, ready: set[str]) -> None:
        """Fill in what is known of a step."""
        step = planned.step
        builtin = self.resolver.tree.builtin(step.name)
        planned.state = BUILTIN_STATE if builtin else self.live.state(step.name)
        planned.notes = [*self._unused(step), *planned.notes]
        path = step.path
        if path is None and step.action == LOADED and (line := self.resolver.tree.dep(step.name)):
            path = line.path
        if path is None:
            planned.why_no_file = "it is a part of the kernel" if builtin else "there is no file"
            return
        try:
            self._look_at_file(planned, path, ready)
        except OSError as error:
            planned.why_no_file = f"{path}: {error.strerror}"
        except KmodError as error:
            planned.why_no_file = told(error, self.resolver.tree.root)
        if planned.file is None and step.action == INSMOD:
            planned.checks.append(Check("file", acceptance.COULD_NOT_LOOK, planned.why_no_file))

    def _look_at_file(self, planned: Planned, path: str, ready: set[str]) -> None:
        data = read_file(self.resolver.tree.real(path))
        image = decompress(data, path)
        info = image_info(image, path)
        elf = Elf(image, path)
        wants = elf.wants()
        planned.sensitive = sensitive([symbol for symbol, _, _ in wants])
        name = next(iter(info.values("name")), planned.step.name)
        verdict = verify(image, self.kernel.trusted(), path)
        text, gpl = licence(info)
        digests = (sha256(data).hexdigest(), sha256(image).hexdigest())
        planned.file = FileFacts(path, len(data), *digests, text, verdict, taints(info, verdict))
        if planned.step.action != INSMOD:
            return
        module = Candidate(
            name,
            next(iter(info.values("vermagic")), None),
            wants,
            elf.namespaces(),
            gpl=gpl,
        )
        planned.checks = [
            acceptance.loading(self.kernel, name),
            acceptance.vermagic(self.kernel, module),
            acceptance.signature(self.kernel, verdict),
            *acceptance.symbols(self.kernel, module, lambda symbol: self._provider(symbol, ready)),
        ]

    def _provider(self, symbol: str, ready: set[str]) -> Provider | None:
        """Return who has a symbol: a module of the tree before the kernel itself."""
        known = (self.kernel.exports()[0] or {}).get(symbol)
        for owner in self.resolver.tree.symbol(f"symbol:{symbol}"):
            export = self._exports_of(owner).get(symbol)
            if export is not None:
                if known is not None and known.module != KERNEL:
                    export.gpl, export.namespace = known.gpl, known.namespace
                there = owner in ready or self.live.state(owner) == "live" or self.resolver.tree.builtin(owner)
                return Provider(owner, export, ready=there)
        return Provider(KERNEL, known, ready=True) if known is not None and known.module == KERNEL else None

    def _exports_of(self, name: str) -> dict[str, Export]:
        """Return what a module of the tree exports; nothing when its file cannot be read."""
        if name not in self._exports:
            line = self.resolver.tree.dep(name)
            try:
                pairs = Elf(read_module(self.resolver.tree.real(line.path)), line.path).exports() if line else []
            except (OSError, KmodError):
                pairs = []
            self._exports[name] = {symbol: Export(crc, name) for symbol, crc in pairs}
        return self._exports[name]

    def _unused(self, step: Step) -> list[Note]:
        """Return the directives about a module that have no effect on this step, and why."""
        resolver = self.resolver
        named = step.cause.kind == NAMED
        notes = []
        lines = resolver.softdep_lines(step.name)
        alone = named and self.ignore_commands
        if alone:
            notes += [Note("its softdeps are left out with the commands", line) for line in lines]
        elif not resolver.all_softdeps:
            notes += [Note("only the first softdep line of a module counts", line) for line in lines[1:]]
        if step.command and step.action == INSMOD:
            why = "commands are to be ignored" if alone else "the module has softdeps, and then no command is run"
            notes.append(Note(f"not run: {why}", step.command))
        notes += [Note("only one install line counts", line) for line in resolver.install_lines(step.name)[1:]]
        blacklisted = resolver.blacklisted(step.name)
        if blacklisted and not step.why:
            why = "the module was asked for by its own name" if named else f"{step.cause.of} needs it"
            notes.append(Note(f"the blacklist does not stop it: {why}", blacklisted))
        if step.action == INSMOD:
            notes += [
                Note(f"modules.dep names {path}, which does not exist: all dependencies are left out")
                for path in resolver.missing(step.name)
            ]
        return notes


def _differences(first: Step, second: Step) -> list[Note]:
    if first.parameters() == second.parameters():
        return []
    return [Note(f"later it would get the parameters '{second.parameters().strip()}', but it is loaded by then")]
