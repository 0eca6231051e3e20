# SPDX-License-Identifier: Apache-2.0
"""Packages of another Debian suite than the host's: package lists of our own, from the archive that apt knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmtest.errors import VmtestError
from vmtest.packages import DOWNLOAD_SECONDS, last_line, run_tool, sandbox

if TYPE_CHECKING:
    from pathlib import Path

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""The keys of every Debian release, of the package debian-archive-keyring."""


class UnreachableError(VmtestError):
    """There is no archive, or the network does not lead to it."""


def archive() -> str:
    """Return the address of the Debian archive whose main component apt uses. Raises UnreachableError."""
    wanted = ["Created-By: Packages", "Component: main", "Origin: Debian", "Label: Debian"]
    try:
        _, out, _ = run_tool(["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted], "apt", 60)
    except VmtestError as error:
        raise UnreachableError(str(error)) from error
    if not out.strip():
        raise UnreachableError("apt knows no Debian archive: add one to its sources and run `apt-get update` as root")
    return out.split()[0]


def fetch_lists(suite: str, folder: Path) -> list[str]:
    """Fetch the package lists of `suite` into `folder`, and return the options with which apt uses them.

    apt checks them with Debian's keys. Raises UnreachableError.
    """
    source = folder / "sources.list"
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    source.write_text(f"deb [signed-by={KEYS}] {archive()} {suite} main\n")
    settings = {
        "Dir::Etc::SourceList": source,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "APT::Update::Error-Mode": "any",  # by default a list that cannot be had is a warning
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    status, out, err = run_tool(["apt-get", "update", "-q", *sandbox(), *options], "apt", DOWNLOAD_SECONDS)
    if status:
        raise UnreachableError(f"cannot fetch the package lists of {suite}: {last_line(out, err)}; check the network")
    return options
