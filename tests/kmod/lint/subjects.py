"""Configurations and trees that lint looks at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ringward.kmod.lint.finding import Finding
from ringward.kmod.lint.subject import Subject
from tests.kmod.lab import Lab

DEPS = {
    "crc": [],
    "fs-a": ["crc"],
    "fs_b": ["crc"],
    "net": [],
    "sound": [],
    "usb-storage": [],
}


def make_lab(folder: Path, *own: str) -> Lab:
    """Return a tree of modules, with lines of modules.softdep."""
    lab = Lab(folder / "lab")
    lab.modules(
        DEPS,
        aliases=[("pci:*", "net"), ("net_pf_9", "net")],
        builtin=["core"],
        builtin_aliases=[("own:*", "core")],
    )
    (lab.directory / "modules.softdep").write_text("".join(f"{line}\n" for line in own))
    return lab


def subject(lab: Lab, *lines: str, file: str = "m.conf", tree: bool = True) -> Subject:
    """Return a configuration of these lines; without `tree` what modules there are is not known."""
    lab.configure(*lines, file=file)
    return Subject(lab.config(), lab.tree() if tree else None)


def told(findings: Iterable[Finding]) -> list[tuple[str, int, str]]:
    """Return rule, line and fix of each."""
    return [(each.rule, each.line, each.fix) for each in findings]
