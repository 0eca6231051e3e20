"""``ringward modprobe``: modprobe(8), and the same by the name of a link."""

from __future__ import annotations

import errno
import os
import sys

from ringward.cli.modprobe_options import Options, OptionsError, read
from ringward.cli.tool_log import CRITICAL, ERROR, WARNING, Log, stderr, stdout
from ringward.kmod.config import load_config
from ringward.kmod.config_files import DIRECTORY, TOO_LARGE
from ringward.kmod.errors import KmodError
from ringward.kmod.proc import Live
from ringward.kmod.resolve import Resolver
from ringward.kmod.sysroot import told
from ringward.kmod.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ringward.kmod.execute import Insertion
    from ringward.kmod.lookup import Lookup
    from ringward.kmod.step import Step

FAILURE = 1


class Modprobe:
    """One call, its options read.

    Args:
        options: of the command line.
        log: for its messages.

    """

    def __init__(self, options: Options, log: Log) -> None:
        self.options = options
        self.log = log
        version = os.uname().release if options.version is None else options.version
        self.tree = Tree(options.dirname or "", version, root=options.sysroot)
        self.config = load_config(
            options.config or None, root=options.sysroot, module_dir=self.tree.real(self.tree.directory)
        )
        self._tell_problems()
        self.resolver = Resolver(self.tree, self.config, all_softdeps=options.all_softdeps)
        self.live = Live(options.sysroot)

    def _tell_problems(self) -> None:
        """Print what libkmod says of a configuration; `ringward lint` knows more."""
        for file in self.config.files:
            if file.why == DIRECTORY:
                why = f"Directories inside directories are not supported: {file.path}"
                stderr(f"libkmod: ERROR: conf_files_filter_out: {why}")
        for problem in self.config.problems:
            why = ""
            if problem.kind == "include":
                why = f"command {problem.text.split()[0]} is deprecated and not parsed anymore"
            elif problem.kind in {"bad line", "bracket"} and problem.text:
                why = f"ignoring bad line starting with '{problem.text.split()[0]}'"
                why = f"line {problem.last_line}: {why}"
            elif problem.kind == TOO_LARGE:  # kmod reads it
                why = problem.why
            if why:
                colon = " " if why.startswith("line ") else ": "
                stderr(f"libkmod: ERROR: kmod_config_parse: {problem.path}{colon}{why}")

    def run(self) -> int:
        """Do what the options say; return the exit status."""
        options = self.options
        if options.show in {"config", "exports", "modversions"}:
            from ringward.cli import modprobe_show  # noqa: PLC0415 - loading needs none of it

            return modprobe_show.run(self)
        if options.remove:
            from ringward.cli.modprobe_remove import run  # noqa: PLC0415 - as above

            return run(self)
        if options.json:
            from ringward.cli.modprobe_json import load  # noqa: PLC0415 - as above

            return load(self)
        return self._each(self._show_alias if options.show == "alias" else self._load)

    def names(self) -> list[str]:
        """Return the words that are names: the first, or all of them."""
        return self.options.words if self.options.all else self.options.words[:1]

    def parameters(self) -> list[str]:
        """Return the words that are parameters."""
        return [] if self.options.all else self.options.words[1:]

    def complain(self, text: str) -> None:
        """Say why a name cannot be dealt with: of several it is a warning."""
        self.log.say(WARNING if self.options.all else CRITICAL, text)

    def _each(self, action: Callable[[str], int]) -> int:
        """Return 1 when the action fails for one of the names."""
        status = 0
        for name in self.names():
            if action(name):
                status = FAILURE
            self.tell_losses()
        return status

    def tell_losses(self) -> None:
        """Print what was found wrong with the tree since the last time."""
        for problem in self.resolver.problems:
            self.log.say(ERROR, problem)
        self.resolver.problems.clear()

    def lookup(self, name: str) -> Lookup | None:
        """Return what a name means; None, and a message, when it means nothing."""
        answer = self.resolver.lookup(name)
        if name.startswith(("/", "./")) and not self.tree.exists(name):
            self.complain(f"Failed to get module from path {name}: {os.strerror(errno.ENOENT)}")
            return None
        if not answer.hits:
            self.complain(f"Module {name} not found in directory {self.tree.directory}")
            return None
        return answer

    def _show_alias(self, name: str) -> int:
        answer = self.lookup(name)
        if answer is None:
            return FAILURE
        stdout("".join([f"{hit.name}\n" for hit in answer.hits]))
        return 0

    def _load(self, name: str) -> int:
        """Load what a name means, or show it; return the errno of the last module that failed."""
        answer = self.lookup(name)
        if answer is None:
            return FAILURE
        if self.options.depends:  # the quick way: nothing is done
            return self._show_depends(answer)
        return self.load(answer, self.insertion())

    def _show_depends(self, answer: Lookup) -> int:
        options = self.options
        words = self.parameters()
        lines = []
        for hit in answer.hits:
            steps = self.resolver.probe_hit(
                hit, answer.asked, words, use_blacklist=options.blacklist, ignore_commands=options.ignore
            )
            lines += [line for step in steps if (line := step.line()) is not None]
        stdout("".join([f"{line}\n" for line in lines]))
        return 0

    def insertion(self) -> Insertion:
        """Return what loads, as the options say."""
        from ringward.kmod.execute import Insertion  # noqa: PLC0415 - as in `run`
        from ringward.kmod.load import IGNORE_MODVERSIONS, IGNORE_VERMAGIC  # noqa: PLC0415 - as above

        options = self.options
        flags = IGNORE_MODVERSIONS * options.force_modversion | IGNORE_VERMAGIC * options.force_vermagic

        def show(step: Step) -> None:
            line = step.line()
            if line is not None and (self.log.verbose or options.depends) and not options.json:
                stdout(f"{line}\n")
                sys.stdout.flush()

        return Insertion(
            self.resolver,
            self.live,
            root=options.sysroot,
            flags=flags,
            dry_run=options.dry_run,
            first_time=options.first_time,
            to_stderr=options.json,
            show=show,
            warn=self.log.error,
        )

    def load(self, answer: Lookup, insertion: Insertion) -> int:
        """Load every module of an answer; return the errno of the last one, 0 when it succeeded."""
        options = self.options
        code = 0
        for hit in answer.hits:
            code = insertion.load(
                hit,
                answer.asked,
                self.parameters(),
                depends=options.depends,
                use_blacklist=options.blacklist,
                ignore_commands=options.ignore,
            )
            if code:
                from ringward.kmod.load import modprobe_reason  # noqa: PLC0415 - only a failure needs it

                self.log.say(ERROR, f"could not insert '{hit.name}': {modprobe_reason(code)}")
        return code


def main(argv: list[str]) -> int:
    """Run modprobe; return its exit status: 0 or 1."""
    log = Log("modprobe")
    try:
        options = read(argv, os.environ.get("MODPROBE_OPTIONS", ""))
    except OptionsError as error:
        if error.is_getopt:
            stderr(f"modprobe: {error}")
        else:
            log.say(ERROR, str(error))
        return FAILURE
    log.level = options.level
    log.syslog = options.syslog or sys.stderr is None
    if options.show in {"help", "version"}:
        from ringward.cli import modprobe_show  # noqa: PLC0415 - loading needs none of it

        return modprobe_show.about(options.show)
    if not options.words and options.show != "config":
        log.error("missing parameters. See -h.")
        return FAILURE
    if options.passed_on:
        os.environ["MODPROBE_OPTIONS"] = options.passed_on
    try:
        return Modprobe(options, log).run()
    except (KmodError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        log.fatal(told(error, options.sysroot))
        return FAILURE
