# SPDX-License-Identifier: Apache-2.0
"""A cache of directory trees outside the source tree: made once, found broken, made again.

An entry is built in a temporary directory beside its place and renamed into it, so that it is there
completely or not at all. One lock file an entry keeps two runs from building the same one. Each entry carries
a manifest (relative path -> size in bytes; SHA-256 for the files named by the builder); an entry that does
not agree with it is thrown away and built again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from vmtest.errors import VmtestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MANIFEST = ".manifest.json"


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """$RINGWARD_CACHE, else $XDG_CACHE_HOME/ringward, else ~/.cache/ringward; absolute, not created.

    A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification asks.
    """
    if own := environ.get("RINGWARD_CACHE"):
        return Path(own).absolute()
    xdg = environ.get("XDG_CACHE_HOME", "")
    base = Path(xdg) if xdg.startswith("/") else Path(environ.get("HOME") or Path.home()) / ".cache"
    return base / "ringward"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _regular_files(tree: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(tree):
        for name in names:
            path = Path(folder, name)
            if name != MANIFEST and not path.is_symlink():
                yield path


def write_manifest(tree: Path, hashed: Iterable[str]) -> None:
    """Record the regular files of `tree`, and the digests of those in `hashed` (paths relative to it)."""
    manifest = {
        "sizes": {str(path.relative_to(tree)): path.stat().st_size for path in _regular_files(tree)},
        "sha256": {name: _sha256(tree / name) for name in hashed},
    }
    (tree / MANIFEST).write_text(json.dumps(manifest))


def what_is_broken(tree: Path) -> str | None:
    """Why the entry cannot be used, or None when it agrees with its manifest."""
    if not tree.is_dir():
        return "it does not exist"
    try:
        manifest = json.loads((tree / MANIFEST).read_text())
        sizes: dict[str, int] = manifest["sizes"]
        digests: dict[str, str] = manifest["sha256"]
        for name, size in sizes.items():
            if (found := os.lstat(tree / name).st_size) != size:
                return f"{name} has {found} bytes instead of {size}"
        for name, digest in digests.items():
            if _sha256(tree / name) != digest:
                return f"{name} has been changed"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return str(error) or type(error).__name__
    return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` (made when missing, never removed: others may wait on it)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure(entry: Path, build: Callable[[Path], Iterable[str]]) -> Path:
    """Return the directory `entry`, built when it is missing or broken.

    `build` fills an empty directory on the same file system and returns the relative paths of the files whose
    digests are to be checked at each use. Raises VmtestError when the cache cannot be written, and what
    `build` raises.
    """
    if what_is_broken(entry) is None:
        return entry
    try:
        with locked(entry.with_name(f".{entry.name}.lock")):
            prefix = f".{entry.name}.tmp-"
            for stale in entry.parent.glob(f"{prefix}*"):  # of runs that were killed: the lock is ours
                shutil.rmtree(stale, ignore_errors=True)
            if what_is_broken(entry) is None:  # another run was faster
                return entry
            work = Path(tempfile.mkdtemp(prefix=prefix, dir=entry.parent))
            try:
                tree = work / "tree"
                tree.mkdir()
                write_manifest(tree, build(tree))
                if entry.exists():
                    entry.rename(work / "broken")
                tree.rename(entry)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise VmtestError(
            f"cannot write the cache entry {entry}: {error.strerror or error}; "
            "free space there or name another directory with RINGWARD_CACHE"
        ) from error
    return entry
