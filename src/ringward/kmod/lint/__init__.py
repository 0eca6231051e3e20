"""Directives that do not do what they say: of modprobe.d, depmod.d and the kernel command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ringward.kmod.config import Config
from ringward.kmod.config_files import UNREAD
from ringward.kmod.config_parser import parse as parse_config
from ringward.kmod.depmod_config import DepmodConfig
from ringward.kmod.depmod_config import parse as parse_depmod
from ringward.kmod.errors import KmodError
from ringward.kmod.lint import blacklist, depmod, files, kernel_line, names, softdeps
from ringward.kmod.lint.files import Reader
from ringward.kmod.lint.finding import FINDING, NOTE, RULES, Finding
from ringward.kmod.lint.subject import Subject
from ringward.kmod.sysroot import told
from ringward.kmod.tree import Tree

__all__ = ["FINDING", "NOTE", "RULES", "Finding", "Report", "lint"]

_OF_DIRECTIVES: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    names.spelling,
    names.unknown,
    names.repeated,
    softdeps.shadowed,
    softdeps.empty,
    softdeps.missing_operands,
    softdeps.hidden_commands,
    softdeps.dropped_commands,
    blacklist.pulled_in,
    kernel_line.cmdline,
)


_VENDOR = ("/usr/lib/", "/lib/")
"""Directories of files that come with packages, and are written for many kernels."""


def _is_vendors(found: Finding) -> bool:
    """Return whether a finding is a package's; that its file is not read is the administrator's."""
    return found.path.startswith(_VENDOR) and found.rule not in {"file-shadowed", "file-ignored"}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what could not be looked at, with the reason."""

    findings: list[Finding]
    unseen: list[str]


def lint(config: Config, tree: Tree | None, read: Reader, depmod_config: DepmodConfig | None = None) -> Report:
    """Return what does not do as it says, in the order of the files and lines.

    Args:
        config: of modprobe.
        tree: the modules of the kernel that it is for; None: what needs them is not told.
        read: gives the text of a file that is not used, None when it cannot be read.
        depmod_config: of depmod; None: not looked at.

    """
    subject = Subject(config, tree)
    problems = config.problems + (depmod_config.problems if depmod_config else [])
    unseen = [f"{each.place}: {each.why}" for each in problems if each.kind in UNREAD]
    found = [*files.problems(config.problems), *files.unused(config.files, read, parse_config)]
    for rule in _OF_DIRECTIVES:
        try:
            found += rule(subject)
        except (KmodError, OSError) as error:
            unseen.append(told(error, tree.root if tree else ""))
    if depmod_config is not None:
        if tree is not None:
            depmod.expressions(depmod_config, tree)
            found += depmod.overrides(depmod_config, tree)
        found += files.problems(depmod_config.problems)
        found += files.unused(depmod_config.files, read, parse_depmod)
    found = [replace(each, level=NOTE) if _is_vendors(each) else each for each in found]
    order = {file.path: number for number, file in enumerate(config.files)}
    found.sort(key=lambda each: (order.get(each.path, len(order)), each.path, each.line, each.rule))
    return Report(found, list(dict.fromkeys(unseen)))
