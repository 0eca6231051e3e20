"""kmod 34 and Ringward's tools, each in a mount namespace where a made state is /proc and /sys/module."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kmod.conftest import kmod_34
from tests.kmod.lab import can_unshare

INNER = 'mount --bind "$0/sys/module" /sys/module && mount --bind "$0/proc" /proc && exec "$@"'


class Answer(NamedTuple):
    status: int
    stdout: str
    stderr: str


class State:
    """What is loaded: made below `root`, seen as the running kernel's."""

    def __init__(
        self, root: Path, modules: Mapping[str, tuple[int, int, Sequence[str]]], builtin: Sequence[str] = ()
    ) -> None:
        """`modules`: name -> size, users that are no modules, holders."""
        self.root = root
        (root / "proc").mkdir(parents=True)
        lines = []
        for name, (size, users, holders) in modules.items():
            folder = root / "sys/module" / name
            (folder / "holders").mkdir(parents=True)
            for holder in holders:
                (folder / "holders" / holder).symlink_to(f"../../{holder}")
            count = users + len(holders)
            for file, text in (("coresize", size), ("refcnt", count), ("initstate", "live")):
                (folder / file).write_text(f"{text}\n")
            held = "".join(f"{holder}," for holder in reversed(holders)) or "-"
            lines.append(f"{name} {size} {count} {held} Live 0x0000000000000000\n")
        (root / "sys/module").mkdir(parents=True, exist_ok=True)
        for name in builtin:
            (root / "sys/module" / name / "parameters").mkdir(parents=True)
        (root / "proc/modules").write_text("".join(lines))

    def run(self, *command: str) -> Answer:
        """Run a program that sees this state."""
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", INNER, str(self.root), *command],
            capture_output=True,
            text=True,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def both(self, tool: str, *words: str) -> tuple[Answer, Answer]:
        """Return the answers of kmod's tool and of Ringward's."""
        return self.run(kmod_34(tool), *words), self.run(*ringward(tool), *words)


def ringward(tool: str) -> list[str]:
    return [sys.executable, "-m", "ringward", tool]


needs_namespace = pytest.mark.skipif(not can_unshare(), reason="no mount namespace of our own can be had here")
