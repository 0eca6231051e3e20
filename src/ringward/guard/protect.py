"""What the guard keeps from others, told to the kernel part: files, devices, maps, programs, this process.

A file is told by opening it: the kernel part then notes the numbers that the kernel itself has for its inode, which
stat(2) does not show for every file system.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ringward.guard import launch
from ringward.guard.layouts import constants
from ringward.guard.self_canary import SelfCanary
from ringward.guard.storage import holders
from ringward.sensor import _native

OBJECT = "guard_self"
_WORD = struct.Struct("<I")
_NUMBER = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Protected:
    """A file or directory.

    Attributes:
        path: links are followed.
        tree: all that is below it, too.

    """

    path: Path
    tree: bool = False


def is_private(database: Path) -> bool:
    """Return whether the directory of a database has nothing else, so that all of it can be kept from others."""
    try:
        return all(entry.name.startswith(database.name) for entry in database.parent.iterdir())
    except OSError:
        return False


def own_files(database: Path, rules: Path, package: Path, extra: Iterable[Path] = ()) -> list[Protected]:
    """Return what is to be protected.

    Args:
        database: the trust database. Where its directory has nothing else, no journal can be put beside it either.
        rules: directory of the rules.
        package: Ringward's own.
        extra: files that were asked for.

    """
    if is_private(database):
        found = [Protected(database.parent, tree=True)]
    else:
        found = [Protected(path) for path in sorted(database.parent.glob(f"{database.name}*"))]
    found += [Protected(rules, tree=True)] if rules.is_dir() else []
    found += [Protected(package, tree=True), Protected(Path(launch.interpreter()))]
    return [*found, *(Protected(path) for path in extra)]


class Protection:
    """The protected things of one kernel part. Its programs are attached, and do not judge yet.

    Args:
        maps: descriptor of each map, by name.
        programs: descriptor of each program, by name.

    """

    def __init__(self, maps: Mapping[str, int], programs: Mapping[str, int]) -> None:
        self._maps = maps
        self._programs = programs
        self._canary: SelfCanary | None = None
        self._flags = constants("object", OBJECT)
        self._kinds = constants("number", OBJECT)
        self._standings = constants("standing", OBJECT)
        # On file systems whose inodes do not last, the numbers hold as long as the file is open.
        self._open: list[int] = []
        self.failed: dict[str, str] = {}
        """Files that cannot be protected, with the reason."""

    def begin(self) -> None:
        """Make this process, its maps and programs Ringward's own.

        Raises:
            BpfError, OSError: the kernel does not let it.

        """
        fd = os.pidfd_open(os.getpid())
        try:
            _native.map_update(self._maps["self_tasks"], _WORD.pack(fd), _WORD.pack(self._standings["member"]))
        finally:
            os.close(fd)
        numbers = set()
        for program in self._programs.values():
            number = int(_native.program_info(program)["id"])
            self._number("program", number)
            numbers.update(_native.program_maps(program))
        for each in numbers:
            self._number("map", each)
        self._enroll(Path("/"), self._flags["root"] | self._flags["ancestor"])
        self._enroll(launch.KEEPER, self._flags["keeper"] | self._flags["file"])
        self._enroll(Path(launch.interpreter()), self._flags["interpreter"])
        _native.map_update(self._maps[launch.MAP], _WORD.pack(0), launch.own())
        self._canary = SelfCanary(
            self._maps, min(numbers), number, lambda folder: self.add([Protected(folder, tree=True)])
        )

    def deaf(self) -> list[str]:
        """Make each hook decide; return those that did not."""
        return self._canary.deaf() if self._canary else []

    def add(self, wanted: Iterable[Protected]) -> None:
        """Protect files, what is above them, and the block devices that hold them."""
        paths = []
        for one in wanted:
            path = Path(os.path.realpath(one.path))
            paths.append(path)
            self._enroll(path, self._flags["tree" if one.tree else "file"])
            for above in path.parents:
                self._enroll(above, self._flags["ancestor"])
        devices, files = holders(paths)
        for device in devices:
            self._number("device", device)
        for file in files:
            self._enroll(file, self._flags["file"])

    def _number(self, kind: str, number: int) -> None:
        key = _NUMBER.pack(self._kinds[kind], number)
        _native.map_update(self._maps["self_numbers"], key, _WORD.pack(1))

    def _enroll(self, path: Path, flags: int) -> None:
        key = _WORD.pack(threading.get_native_id())
        enrolling = self._maps["self_enrolling"]
        _native.map_update(enrolling, key, _WORD.pack(flags))
        try:
            self._open.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY))
        except OSError as error:
            self.failed[str(path)] = error.strerror or str(error)
        else:
            if _native.map_lookup(enrolling, key) is not None:
                self.failed[str(path)] = "the kernel part did not take it: its map is full, or its hook does not run"
        _native.map_delete(enrolling, key)

    def close(self) -> None:
        """Let go of the files; what is protected stays so."""
        if self._canary:
            self._canary.close()
            self._canary = None
        for fd in self._open:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._open.clear()
