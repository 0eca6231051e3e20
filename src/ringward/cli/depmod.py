"""``ringward depmod``: depmod(8), and the same by the name of a link."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator

from ringward.cli.depmod_options import USAGE, Arguments, OptionsError, read
from ringward.cli.tool_log import CRITICAL, ERROR, WARNING, Log, stderr, stdout
from ringward.cli.tool_options import FAILURE, VERSION_TEXT
from ringward.kmod.config_files import UNREAD
from ringward.kmod.depmod.age import up_to_date
from ringward.kmod.depmod.module import LIST, DepmodError, Place
from ringward.kmod.depmod.policy import Policy
from ringward.kmod.depmod.run import Options, Result, all_files, find, text_files
from ringward.kmod.depmod.write import make_directory, write
from ringward.kmod.depmod_config import load_depmod_config
from ringward.kmod.sysroot import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.directive import Problem

_LEVELS = {"ERROR": ERROR, "WARNING": WARNING}


class Depmod:
    """One call, its options read."""

    def __init__(self, arguments: Arguments, log: Log) -> None:
        self.arguments = arguments
        self.log = log
        self.directory = self._place(arguments.basedir)
        self.output = self.directory if arguments.outdir is None else self._place(arguments.outdir)
        self.written: list[str] = []

    def _place(self, base: str) -> Place:
        """Return the module directory below another one."""
        arguments = self.arguments
        if base and not base.startswith("/"):
            base = f"/{base}" if arguments.sysroot else f"{os.getcwd()}/{base}"  # noqa: PTH109 - one call of pathlib
        slash = "" if arguments.moduledir.startswith("/") else "/"
        shown = f"{base}{slash}{arguments.moduledir}/{arguments.version}"
        return Place(shown, inside(arguments.sysroot, shown))

    def _file(self, path: str | None) -> Place | None:
        return None if path is None else Place(path, inside(self.arguments.sysroot, path))

    def report(self, level: str, text: str) -> None:
        """Print what depmod's library says."""
        if level == LIST:
            if not self.arguments.json:
                stdout(f"{text}\n")
        else:
            self.log.say(_LEVELS[level], text)

    def options(self) -> Options:
        """Return what is to be done; print what is wrong with the options and the configuration."""
        arguments = self.arguments
        options = Options(self.directory, arguments.version)
        options.root = arguments.sysroot
        options.files = arguments.files
        options.symvers = self._file(arguments.symvers)
        options.system_map = self._file(arguments.filesyms)
        options.report_missing = arguments.errsyms
        if arguments.errsyms and options.symvers is None and options.system_map is None:
            self.log.warning("-e needs -E or -F")
            options.report_missing = False
        options.prefix = arguments.prefix
        options.list_needs = arguments.verbose
        options.warn_duplicates = arguments.warn
        options.keep_going = arguments.keep_going
        config = load_depmod_config(arguments.config or None, root=arguments.sysroot)
        options.policy = Policy.of(config, arguments.version)
        for problem in config.problems:
            self._tell(problem)
        return options

    def _tell(self, problem: Problem) -> None:
        """Print what is wrong with the configuration; `ringward lint` knows more."""
        if problem.kind == "bad line":
            word = (problem.text.split() or [""])[0]
            self.report("ERROR", f"{problem.path}:{problem.last_line}: ignoring bad line starting with '{word}'")
        elif problem.kind in UNREAD or problem.kind == "regex":
            self.report("WARNING", f"{problem.place}: {problem.why}")

    def run(self) -> int:
        """Do what the options say; return the exit status.

        Raises:
            DepmodError: it cannot be done.

        """
        arguments = self.arguments
        options = self.options()
        if arguments.quick and arguments.dry_run and not arguments.json:
            return 0  # as kmod: -A is about what is written
        if arguments.quick and up_to_date(self.directory, self.output, self.report, arguments.sysroot):
            if arguments.json:
                self._print_json(None, options)
            return 0
        result = find(options, self.report)
        failed = bool(result.cycles.paths)
        if not failed or arguments.keep_going:
            self._put(result)
        if arguments.json:
            self._print_json(result, options)
        return FAILURE if failed else 0

    def _put(self, result: Result) -> None:
        """Print or write the files."""
        arguments = self.arguments
        if arguments.dry_run:
            files = text_files(result, self.report)
            if not arguments.json:
                sys.stdout.flush()
                sys.stdout.buffer.write(b"".join([content for _name, content in files]))
            return
        if arguments.outdir is not None:
            make_directory(self.output)
        files = all_files(result, self.directory, self.report, warn_duplicates=arguments.warn)
        with _unwound():
            write(self.output, files)
        self.written = [name for name, _content in files]

    def _print_json(self, result: Result | None, options: Options) -> None:
        from ringward.cli.depmod_json import document  # noqa: PLC0415 - few calls want it

        stdout(document(self.output, options, result, self.written))


@contextlib.contextmanager
def _unwound() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process as an exception does, so that nothing half written is left behind."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {}
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Elsewhere than in the main thread there are no handlers; what is ignored stays so.
        with contextlib.suppress(ValueError):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(argv: list[str]) -> int:
    """Run depmod; return its exit status: 0 or 1."""
    log = Log("depmod")
    try:
        arguments = read(argv)
    except OptionsError as error:
        if error.level:
            log.say(CRITICAL if error.level == "FATAL" else ERROR, str(error))
        else:
            stderr(f"depmod: {error}")
        return FAILURE
    if arguments.show:
        stdout(USAGE if arguments.show == "help" else VERSION_TEXT)
        return 0
    # Hundreds of thousands of names, none in a cycle of references.
    collects = gc.isenabled()
    gc.disable()
    try:
        return Depmod(arguments, log).run()
    except DepmodError as error:
        log.fatal(str(error))
        return FAILURE
    finally:
        if collects:
            gc.enable()
