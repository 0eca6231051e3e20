# SPDX-License-Identifier: Apache-2.0
"""Debian packages without root: look one up in apt's lists, download it, unpack it.

`apt-get download` checks the digest of what it fetched against the signed package lists.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.errors import VmtestError

if TYPE_CHECKING:
    from collections.abc import Sequence

DOWNLOAD_SECONDS = 900


@dataclass(frozen=True)
class Package:
    """A package as apt's lists describe it. `depends`: one tuple of alternatives for each dependency."""

    name: str
    version: str
    depends: tuple[tuple[str, ...], ...]
    size: int  # bytes of the .deb; 0 when the lists do not say


def parse_depends(text: str) -> tuple[tuple[str, ...], ...]:
    """Package names of a Depends field (deb-control(5)), without versions and architectures."""
    names = []
    for group in text.split(","):
        alternatives = (re.match(r"\s*([a-z0-9][a-z0-9+.-]*)", part) for part in group.split("|"))
        found = tuple(match.group(1) for match in alternatives if match)
        if found:
            names.append(found)
    return tuple(names)


def parse_package(record: str) -> Package | None:
    """Return the first stanza of `apt-cache show`, or None when there is none."""
    fields: dict[str, str] = {}
    for line in record.strip().split("\n\n", 1)[0].splitlines():
        name, colon, value = line.partition(":")
        if colon and not name.startswith((" ", "\t")):
            fields[name] = value.strip()
    if "Package" not in fields or "Version" not in fields:
        return None
    size = fields.get("Size", "")
    return Package(
        fields["Package"],
        fields["Version"],
        parse_depends(fields.get("Depends", "")),
        int(size) if size.isdigit() else 0,
    )


def run_tool(arguments: Sequence[str], package: str, timeout: float, cwd: Path | None = None) -> tuple[int, str, str]:
    """Run a host tool in the C locale: status, stdout, stderr. Raises VmtestError if missing or hanging."""
    # Under `make test` MAKEFLAGS would reach a module build and offer it a job server it cannot have.
    environ = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    path = environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"  # depmod, for users without it
    tool = shutil.which(arguments[0], path=path)
    if tool is None:
        raise VmtestError(f"{arguments[0]} is not installed; install the Debian package {package}")
    try:
        done = subprocess.run(
            [tool, *arguments[1:]],
            env={**environ, "PATH": path, "LC_ALL": "C"},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise VmtestError(f"{' '.join(arguments)} took longer than {timeout:g} s and was ended") from error
    return done.returncode, done.stdout, done.stderr


def last_line(*texts: str) -> str:
    """Return the last line that says something, for a one-line message."""
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def look_up(name: str) -> Package:
    """Return the candidate version of a package in apt's lists. Raises VmtestError when there is none."""
    _, out, _ = run_tool(["apt-cache", "show", "--no-all-versions", name], "apt", 60)
    package = parse_package(out)
    if package is None:
        raise VmtestError(
            f"apt knows no package {name}: run `apt-get update` as root first "
            "(the kernels are those of Debian 12, bookworm and bookworm-security)"
        )
    return package


def sandbox() -> list[str]:
    """Return apt's options for root, who would drop to the user _apt: that one cannot write the caller's folders."""
    return ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []


def download(name: str, folder: Path, options: Sequence[str] = ()) -> Path:
    """Fetch a package into `folder`: the path of the .deb. `options`: more of apt's. Raises VmtestError."""
    with tempfile.TemporaryDirectory(prefix="deb-", dir=folder) as part:
        command = ["apt-get", "download", "-q", *sandbox(), *options, name]
        status, out, err = run_tool(command, "apt", DOWNLOAD_SECONDS, cwd=Path(part))
        debs = list(Path(part).glob("*.deb"))
        if status or len(debs) != 1:
            raise VmtestError(
                f"cannot download the package {name}: {last_line(out, err)}; check the network, and run "
                "`apt-get update` as root if the archive has a newer version"
            )
        return debs[0].rename(folder / debs[0].name)


def unpack(name: str, tree: Path, options: Sequence[str] = ()) -> None:
    """Fetch a package (see `download`) and unpack its files below `tree`, as the caller's user. Raises VmtestError."""
    deb = download(name, tree.parent, options)
    try:
        status, out, err = run_tool(["dpkg", "-x", str(deb), str(tree)], "dpkg", 300)
        if status:
            raise VmtestError(f"cannot unpack {deb.name} below {tree}: {last_line(out, err)}; is the disk full?")
    finally:
        deb.unlink()
