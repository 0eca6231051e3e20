"""``modprobe -r``: unloads modules, one step after the other."""

from __future__ import annotations

import os
import sys

from ringward.cli.tool_log import ERROR, stdout
from ringward.kmod import removal
from ringward.kmod.execute import DONE, FAILED, NOT_RUN, PLANNED, run_command
from ringward.kmod.unload import remove

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.cli.modprobe import Modprobe
    from ringward.kmod.step import Step

FAILURE = 1


class _End(Exception):  # noqa: N818 - it never leaves this module
    """Without -a the first complaint ends it all."""


class Removing:
    """One ``modprobe -r``.

    Attributes:
        results: each step and what became of it, as `execute.Insertion` has them.

    """

    def __init__(self, call: Modprobe) -> None:
        self.call = call
        self.results: list[tuple[Step, str]] = []
        options = call.options
        self._removal = removal.Removal(
            call.resolver,
            call.live,
            do=self._do,
            complain=self._complain,
            depends=options.depends,
            ignore_commands=options.ignore,
            holders=options.remove_holders,
            wait=options.wait > 0,
            first_time=options.first_time,
        )

    def name(self, name: str) -> bool:
        """Unload what a name means; return whether it went."""
        answer = self.call.resolver.lookup(name)
        try:
            if not answer.hits or name.startswith(("/", "./")):  # a path is a name for loading only
                if not answer.why:  # of a bracket that is not closed modprobe -r says nothing
                    self._complain(f"Module {name} not found.")
                return False
            return all(self._removal.remove(hit, name) for hit in answer.hits)
        except _End:
            return False

    def _complain(self, text: str) -> None:
        self.call.complain(text)
        if not self.call.options.all:
            raise _End

    def _do(self, step: Step) -> bool:
        options = self.call.options
        if (self.call.log.verbose or options.depends) and not options.json:
            stdout(f"{removal.line(step)}\n")
            sys.stdout.flush()
        result = PLANNED if options.dry_run else self._command(step) if step.command else self._rmmod(step)
        self.results.append((step, result))
        return result != FAILED

    def _rmmod(self, step: Step) -> str:
        options = self.call.options
        try:
            remove(step.name, force=options.force_vermagic, wait=options.wait, root=options.sysroot)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            self.call.log.say(ERROR, f"could not remove '{step.name}': {why}")
            return FAILED
        return DONE

    def _command(self, step: Step) -> str:
        command = removal.command(step)
        if self.call.options.sysroot:
            self.call.log.say(ERROR, f"the remove command of {step.name} is not run for another root: {command}")
            return NOT_RUN
        if run_command(command, step.name, to_stderr=self.call.options.json):
            self.results.append((step, FAILED))
            self._complain(f"Error running remove command for {step.name}")
            return FAILED
        return DONE


def run(call: Modprobe) -> int:
    """Unload what the words mean; return the exit status. Without -a the first failure ends it."""
    removing = Removing(call)
    status = 0
    for name in call.options.words:
        if not removing.name(name):
            status = FAILURE
            if not call.options.all:
                break
    if call.options.json:
        from ringward.cli.modprobe_json import done  # noqa: PLC0415 - only JSON needs it

        done(call, call.options.words, removing.results, status)
    return status
