"""A small Debian system below a directory: dpkg's database, programs, libraries, scripts and modules."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.kmod.tiny_module import build

SCRIPT = b"#!/bin/sh\necho one\n"
OTHER_SCRIPT = b"#!/bin/sh\necho two\n"


def sha256(path: Path) -> bytes:
    """Return a file's digest as the installed sha256sum has it."""
    done = subprocess.run(["sha256sum", "--", path], capture_output=True, check=True)
    return bytes.fromhex(done.stdout.decode().lstrip("\\")[:64])


def program() -> Path:
    """Return a small ELF program of this machine."""
    return Path("/usr/bin/true").resolve()


def library() -> Path:
    """Return a small ELF library of this machine."""
    return next(Path("/usr/lib").glob("*/libm.so.6")).resolve()


class System:
    """A system below `root`. /bin, /sbin and /lib are links into /usr, as Debian has them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info = root / "var/lib/dpkg/info"
        self.info.mkdir(parents=True)
        self.status: list[str] = []
        (root / "usr/bin").mkdir(parents=True)
        for name in ("bin", "sbin", "lib"):
            (root / "usr" / name).mkdir(exist_ok=True)
            (root / name).symlink_to(f"usr/{name}")
        self.write_status()

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def write(self, name: str, content: bytes | Path, mode: int = 0o755) -> Path:
        """Write a file, as if it had been there for long."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content)
        path.chmod(mode)
        return path

    def package(
        self,
        name: str,
        files: Mapping[str, bytes | Path],
        *,
        version: str = "1.0",
        state: str = "installed",
        without_sum: Sequence[str] = (),
        conffiles: Sequence[str] = (),
        links: Sequence[str] = (),
        fields: str = "",
    ) -> None:
        """Install a package: its files, where it says that they are, and what dpkg keeps of it."""
        sums = []
        conf = []
        for path, content in files.items():
            file = self.write(path, content)
            md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
            if path in conffiles:
                conf.append(f" {path} {md5}")
            elif path not in without_sum:
                sums.append(f"{md5}  {path.lstrip('/')}\n")
        listed = ["/.", *sorted({*files, *links})]
        (self.info / f"{name}.list").write_text("".join(f"{line}\n" for line in listed))
        if sums:
            (self.info / f"{name}.md5sums").write_text("".join(sums))
        lines = [f"Package: {name}", f"Status: install ok {state}", "Architecture: amd64", f"Version: {version}"]
        lines += ["Conffiles:", *conf] if conf else []
        lines += [fields] if fields else []
        self.status = [each for each in self.status if not each.startswith(f"Package: {name}\n")]
        self.status.append("\n".join(lines) + "\n")
        self.write_status()

    def write_status(self) -> None:
        (self.info.parent / "status").write_text("\n".join(self.status))

    def module(self, folder: Path, name: str, version: str = "6.1", compress: bool = True, *info: str) -> str:
        """Put a module into a kernel's tree; return its path there."""
        file = build(folder, name, *info)
        tree = self.path(f"usr/lib/modules/{version}/kernel")
        tree.mkdir(parents=True, exist_ok=True)
        target = tree / file.name
        shutil.copyfile(file, target)
        if compress:
            subprocess.run(["xz", "--check=crc32", target], check=True)
            target = target.with_name(target.name + ".xz")
        return "/" + target.relative_to(self.root).as_posix()


def age(path: Path, seconds: float = 3.0) -> None:
    """Wait until a file's last change is some time ago: its identity is kept only then."""
    changed = os.lstat(path).st_ctime
    time.sleep(max(0.0, changed + seconds - time.time()))
