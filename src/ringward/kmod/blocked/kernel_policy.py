"""What the kernel itself decides: whether it takes a module's file at all, and whether it can call modprobe."""

from __future__ import annotations

from ringward.kmod import acceptance
from ringward.kmod.acceptance import NO, YES
from ringward.kmod.config import Config
from ringward.kmod.plan import Planner
from ringward.kmod.resolve import Resolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.kmod.acceptance import Check
    from ringward.kmod.kernel import Kernel
    from ringward.kmod.plan import FileFacts
    from ringward.kmod.resolve import State

HELPER = "/proc/sys/kernel/modprobe"
_FORCED = {"vermagic", "symbol versions"}
"""Checks that --force does without (CONFIG_MODULE_FORCE_LOAD)."""


class File:
    """What the kernel would say to a module's file, when all that it needs is loaded by hand before.

    facts: what the file is; None: it could not be read, or there is none.
    why_no_file: why.
    refusal: why the kernel refuses it, or "".
    forced: whether root can have it loaded with force all the same.
    unseen: reasons why something could not be looked at, each with what.
    """

    __slots__ = ("facts", "forced", "refusal", "unseen", "why_no_file")

    def __init__(self, facts: FileFacts | None, why_no_file: str) -> None:
        self.facts = facts
        self.why_no_file = why_no_file
        self.refusal = ""
        self.forced = False
        self.unseen: dict[str, list[str]] = {}


class Policy:
    """What one kernel decides, whatever modprobe is told."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._refusals: dict[str, str] = {}

    def refuses(self, name: str) -> str:
        """Return why the kernel loads no module, or none of this name; "" when it does or nobody knows."""
        if name not in self._refusals:
            check = acceptance.loading(self.kernel, name)
            self._refusals[name] = check.why if check.result == NO else ""
        return self._refusals[name]

    def file(self, name: str, live: State) -> File:
        """Return what the kernel would say to the file of a module, and to those of the modules that it needs.

        Args:
            name: of the module.
            live: what is loaded; not the module.

        """
        resolver = Resolver(self.kernel.tree, Config())
        steps = Planner(resolver, live, self.kernel).plan([name]).steps
        own = next(each for each in steps if each.step.name == name)
        found = File(own.file, own.why_no_file)
        for each in steps:
            refused = [check for check in each.checks if check.result == NO]
            if refused and not found.refusal:
                other = "" if each is own else f"{each.step.name}, which it needs: "
                found.refusal = other + "; ".join(f"{check.what}: {check.why}" for check in refused)
                found.forced = self._forced(refused)
            for check in each.checks:
                if check.result not in {YES, NO} and check.what not in found.unseen.setdefault(check.why, []):
                    found.unseen[check.why].append(check.what)
        return found

    def _forced(self, refused: list[Check]) -> bool:
        """Return whether force helps against all of what refuses."""
        if not {check.what for check in refused} <= _FORCED:
            return False
        return self.kernel.option("MODULE_FORCE_LOAD")[0] != "n"

    def asks(self) -> tuple[bool | None, str]:
        """Return whether the kernel can call modprobe, and why; None: it is not known (kernel/module/kmod.c)."""
        text, why = self.kernel.told(HELPER)
        if text is None:
            return None, why
        program = text.strip()
        if not program:
            return False, f"{HELPER} is empty: the kernel calls nobody"
        if not self.kernel.tree.exists(program):
            return False, f"{HELPER} is {program}, which does not exist"
        if program.rpartition("/")[2] == "modprobe":
            return True, f"{HELPER} is {program}"
        return (False if program.rpartition("/")[2] in {"true", "false"} else None), f"{HELPER} is {program}"
