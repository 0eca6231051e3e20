"""Doing what `resolve` and `unload` decided: module files into the kernel and out of it, and commands run."""

from __future__ import annotations

import errno
import os

from ringward.kmod.resolve import Resolver
from ringward.kmod.step import BUILTIN, INSMOD, INSTALL, LOADED, NAMED, SKIP, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ringward.kmod.lookup import Hit
    from ringward.kmod.proc import Live

DONE, FAILED, PLANNED, NOT_RUN = "done", "failed", "planned", "not run"
"""What became of a step; NOT_RUN: a command, which is never run for another root."""


def run_command(command: str, module: str, parameters: str = "", *, to_stderr: bool = False) -> int:
    """Run an install or remove command in a shell; return its exit status, 0 when a signal ended it.

    The command finds the module's name in MODPROBE_MODULE; each $CMDLINE_OPTS in it is replaced by the parameters.
    With `to_stderr` its standard output goes there: this process has an answer of its own to print.
    That it is run by system(3), and that a signal is no failure, is what modprobe.d(5) and modprobe do.

    Raises:
        OSError: no shell could be started.

    """
    before = os.environ.get("MODPROBE_MODULE")
    os.environ["MODPROBE_MODULE"] = module
    try:
        text = command.replace("$CMDLINE_OPTS", parameters)
        status = os.system(f"exec >&2\n{text}" if to_stderr else text)  # noqa: S605 - as the docstring says
    finally:
        if before is None:
            del os.environ["MODPROBE_MODULE"]
        else:
            os.environ["MODPROBE_MODULE"] = before
    if status < 0:
        raise OSError(errno.EAGAIN, "no shell could be started")
    return status >> 8 & 0xFF


class Insertion:
    """Loads modules as modprobe does.

    Args:
        resolver: what is to be loaded.
        live: what is loaded.
        root: "" is the running kernel; of any other root only the state is written down, and no command is run.
        flags: see `load.insert`.
        dry_run: nothing is done; the steps are shown all the same.
        first_time: that the named module is in the kernel already is a failure.
        to_stderr: what commands print goes to standard error.
        show: called with each step before it is done.
        warn: called with a sentence for what failed and ends nothing.

    Attributes:
        results: each step and what became of it.

    """

    def __init__(
        self,
        resolver: Resolver,
        live: Live,
        *,
        root: str = "",
        flags: int = 0,
        dry_run: bool = False,
        first_time: bool = False,
        to_stderr: bool = False,
        show: Callable[[Step], None],
        warn: Callable[[str], None],
    ) -> None:
        self.resolver = resolver
        self.live = live
        self.root = root
        self.flags = flags
        self.dry_run = dry_run
        self.first_time = first_time
        self.to_stderr = to_stderr
        self.show = show
        self.warn = warn
        self.results: list[tuple[Step, str]] = []

    def load(
        self,
        hit: Hit,
        asked: str,
        words: Sequence[str] = (),
        *,
        depends: bool = False,
        use_blacklist: bool = False,
        ignore_commands: bool = False,
    ) -> int:
        """Load a module that a name means, with all that it needs; return 0 or the errno of what ended the chain.

        Args:
            hit: the module.
            asked: what the user named.
            words: parameters of the command line.
            depends: as if nothing was loaded.
            use_blacklist: see `Resolver.probe_hit`.
            ignore_commands: see there.

        Raises:
            KmodError: a damaged index.

        """
        steps = self.resolver.probe_hit(
            hit,
            asked,
            words,
            live=None if depends else self.live,
            use_blacklist=use_blacklist,
            ignore_commands=ignore_commands,
        )
        for step in steps:
            code, result = self._do(step)
            self.results.append((step, result))
            if code and step.required and (code != errno.EEXIST or (self.first_time and step.cause.kind == NAMED)):
                return code
        return 0

    def _do(self, step: Step) -> tuple[int, str]:
        """Do one step; return an errno or 0, and what became of it."""
        if step.action == LOADED:
            return errno.EEXIST, LOADED
        if step.action == SKIP:
            return 0, SKIP
        if self.dry_run:
            self.show(step)
            return 0, PLANNED
        # An earlier step, or somebody else, may have loaded it meanwhile.
        if step.action == BUILTIN or self.resolver.in_kernel(step.name, self.live):
            return errno.EEXIST, LOADED
        self.show(step)
        return self._really(step)

    def _really(self, step: Step) -> tuple[int, str]:
        if step.action == INSTALL and step.command:
            return self._install(step, step.command.value)
        if step.action == INSMOD and step.path:
            return self._insmod(step, step.path)
        self.warn(f"could not find module by name='{step.name}'")
        return errno.ENOENT, FAILED

    def _install(self, step: Step, command: str) -> tuple[int, str]:
        command = command.replace("$CMDLINE_OPTS", step.parameters())
        if self.root:
            self.warn(f"the install command of {step.name} is not run for another root: {command}")
            return 0, NOT_RUN
        try:
            status = run_command(command, step.name, to_stderr=self.to_stderr)
        except OSError as error:
            self.warn(f"Error running install command '{command}' for module {step.name}: {error.strerror}")
            return errno.EINVAL, FAILED
        if status:
            self.warn(f"Error running install command '{command}' for module {step.name}: retcode {status}")
            return errno.EINVAL, FAILED
        return 0, DONE

    def _insmod(self, step: Step, path: str) -> tuple[int, str]:
        from ringward.kmod.errors import KmodError  # noqa: PLC0415 - as the next
        from ringward.kmod.load import insert  # noqa: PLC0415 - only a real load needs it
        from ringward.kmod.sysroot import told  # noqa: PLC0415 - as above

        try:
            insert(path, step.parameters(), self.flags, root=self.root)
        except KmodError as error:
            self.warn(told(error, self.root))
            return errno.EINVAL, FAILED
        except OSError as error:
            return error.errno or errno.EINVAL, FAILED
        return 0, DONE
