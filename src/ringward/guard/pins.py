"""What of the guard outlives its process: maps and links with names in the bpf file system.

    /sys/fs/bpf/ringward/
        maps-BUILD/NAME      maps of the objects of one build
        links-NUMBER/NAME    links of one start of the guard; the newest number counts

A later start attaches its own programs, pins their links under the next number, and only then removes the earlier
ones: at each moment something decides.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ringward.sensor import _native, objects
from ringward.sensor.info import SensorError

FOLDER = Path("/sys/fs/bpf/ringward")
_MAPS, _LINKS = "maps-", "links-"
# include/uapi/linux/magic.h
_BPF_FS = "bpf"
# include/uapi/linux/bpf.h: BPF_F_RDONLY
_RDONLY = 8


def build_of(names: Iterable[str]) -> str:
    """Return what tells the objects of one build from those of another: their maps may differ."""
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(objects.load(name).data)
    return digest.hexdigest()[:16]


def mounted(mounts: str, folder: Path) -> bool:
    """Return whether a folder is in a bpf file system, by the text of /proc/self/mounts."""
    best = ("", "")
    for line in mounts.splitlines():
        _source, where, kind = (*line.split(), "", "", "")[:3]
        if (folder == Path(where) or Path(where) in folder.parents) and len(where) >= len(best[0]):
            best = (where, kind)
    return best[1] == _BPF_FS


class Pins:
    """The pins in one folder.

    Args:
        folder: in a bpf file system.
        build: of the objects, as `build_of` has it.

    Raises:
        SensorError: there is no bpf file system, or the folder cannot be made.

    """

    def __init__(self, build: str, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._maps = folder / f"{_MAPS}{build}"
        if not mounted(Path("/proc/self/mounts").read_text("utf-8", "surrogateescape"), folder):
            raise SensorError(
                f"cannot pin the guard: {folder.parent} is no bpf file system; mount -t bpf bpf {folder.parent}"
            )
        try:
            self._maps.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        except OSError as error:
            raise SensorError(f"cannot make {self._maps}: {error.strerror}; is it run as root?") from None

    def maps(self) -> dict[str, int]:
        """Return descriptors of the maps of this build that are pinned; the caller closes them."""
        return {path.name: _native.pinned(str(path)) for path in sorted(self._maps.iterdir())}

    def pin_maps(self, maps: Mapping[str, int]) -> None:
        """Pin maps; those that are pinned already stay."""
        for name, fd in maps.items():
            if not (self._maps / name).exists():
                _native.pin(fd, str(self._maps / name))

    def pin_links(self, links: Mapping[str, int]) -> Path:
        """Pin links under a number of their own, above all others; return their folder."""
        number = max((number for number, _ in _numbered(self.folder)), default=0) + 1
        folder = self.folder / f"{_LINKS}{number}"
        folder.mkdir(mode=0o700)
        for name, fd in links.items():
            _native.pin(fd, str(folder / name))
        return folder

    def drop_others(self, links: Path | None) -> None:
        """Remove the links of earlier starts and the maps of other builds."""
        for _number, folder in _numbered(self.folder):
            if folder != links:
                remove(folder)
        for folder in self.folder.glob(f"{_MAPS}*"):
            if folder != self._maps:
                remove(folder)


def _numbered(folder: Path) -> list[tuple[int, Path]]:
    found = [(re.fullmatch(r"links-(\d+)", path.name), path) for path in folder.iterdir()]
    return sorted((int(match[1]), path) for match, path in found if match)


def remove(folder: Path) -> None:
    """Remove a folder of pins, and all below it."""
    for path in folder.iterdir():
        if path.is_dir():
            remove(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
    with contextlib.suppress(FileNotFoundError):
        folder.rmdir()


def links_of(folder: Path = FOLDER) -> dict[str, int]:
    """Return descriptors of the links that are pinned by the newest start; the caller closes them.

    Raises:
        OSError: the folder cannot be read; FileNotFoundError: nothing is pinned.

    """
    numbered = _numbered(folder)
    return {path.name: _native.pinned(str(path)) for path in sorted(numbered[-1][1].iterdir())} if numbered else {}


def _newest_maps(folder: Path) -> Path | None:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return None
    paths = [folder / name for name in names if name.startswith(_MAPS)]
    return max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)


def maps_of(folder: Path = FOLDER) -> dict[str, int]:
    """Return descriptors of the pinned maps; the caller closes them. Of two builds the newer; none are pinned: {}.

    Raises:
        OSError: it cannot be looked at; `Path.glob` would find nothing then.

    """
    found = _newest_maps(folder)
    return {path.name: _native.pinned(str(path)) for path in sorted(found.iterdir())} if found else {}


def map_to_read(name: str, folder: Path = FOLDER) -> int | None:
    """Return a descriptor of one of them, which a guard that protects itself lets anyone have; None: it is not there.

    Raises:
        OSError: it cannot be looked at.
        BpfError: the kernel refused.

    """
    found = _newest_maps(folder)
    return _native.pinned(str(found / name), _RDONLY) if found and (found / name).exists() else None


def close(fds: Mapping[str, int]) -> None:
    """Close descriptors."""
    for fd in fds.values():
        os.close(fd)
