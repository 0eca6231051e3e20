"""The files of processes that have been started, hashed in user space: where the kernel cannot do it before.

That is later and weaker: see `ringward.events.catalogue.program_verdict`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

import msgspec

from ringward.events.catalogue.process_exec import ProcessExec
from ringward.events.catalogue.program_verdict import LATER, NOT_KEPT, VERDICTS, ProgramVerdict
from ringward.events.context import Event, FileId, Process
from ringward.sensor.calls import TAGS
from ringward.sensor.clock import Clock, now
from ringward.sensor.info import Attachment

_NAME = ProgramVerdict.event_name()
_GONE = "the process had ended, or run another file, when its own was to be hashed, and the name led elsewhere"


class Hashed(NamedTuple):
    """The digest of a file, 32 bytes, and its size in bytes; no digest: the reason."""

    digest: bytes | None
    size: int
    reason: str = ""


def hash_file(path: str | Path, limit: int, expected: FileId | None = None) -> Hashed:
    """Hash a file.

    Args:
        path: of the file.
        limit: bytes; a larger file is not hashed.
        expected: inode and ctime that it must have; a device number says less: that of btrfs is another one here.

    Raises:
        OSError: it cannot be read.

    """
    with Path(path).open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if expected and (status.st_ino, status.st_ctime_ns) != (expected.inode, expected.ctime):
            return Hashed(None, status.st_size, _GONE)
        if status.st_size > limit:
            return Hashed(None, status.st_size, f"the file is larger than the limit of {limit} bytes")
        return Hashed(hashlib.file_digest(file, "sha256").digest(), status.st_size)


class RunningPrograms:
    """Compares the files of programs that have been started.

    Args:
        digests: SHA-256 of what is known, 32 bytes each.
        weaker: why the kernel does not do it.
        known: tell of known programs too.
        limit: bytes; larger files are not hashed.

    """

    events = ("process_exec",)
    """That `verdicts` is to be given."""
    elsewhere = None
    attachments: ClassVar[Mapping[str, Attachment]] = {}
    unreached: ClassVar[Mapping[str, str]] = {}

    def __init__(self, digests: Iterable[bytes], weaker: str, *, known: bool, limit: int) -> None:
        self.weaker: str | None = weaker
        self._digests = set(digests)
        self._known = known
        self._limit = limit
        self._clock = Clock()
        self._mounts = Path("/proc/self/ns/mnt").stat().st_ino

    def add(self, digest: bytes) -> None:
        """Make one more digest known."""
        self._digests.add(digest)

    def know(self, digests: Iterable[bytes]) -> None:
        """Replace what is known."""
        self._digests = set(digests)

    def refresh(self) -> None:
        """Nothing is kept here that could become wrong."""

    def undecided(self) -> dict[str, str]:
        """Return nothing: no hook is its own."""
        return {}

    def close(self) -> None:
        """Nothing is held."""

    def verdicts(self, event: Event) -> Iterator[Event]:
        """Yield the verdicts on what a process_exec has started."""
        args = event.args
        if not isinstance(args, ProcessExec) or event.process is None:
            return
        is_script = args.path is not None and args.interpreter is not None and args.path != args.interpreter
        pid = event.process.pid
        if is_script:
            yield from self._verdict(event, "script", args.path, self._script(event.process, args))
        role = "interpreter" if is_script else "program"
        yield from self._verdict(event, role, args.interpreter, self._running(pid, args.exe), args.exe)

    def _running(self, pid: int, exe: FileId | None) -> Hashed:
        if exe is None:
            return Hashed(None, 0, "which file it is was not read at its start")
        found = Hashed(None, 0, _GONE)
        for path in (f"/proc/{pid}/exe", exe.path):
            if path is None or found.digest:
                continue
            try:
                found = hash_file(path, self._limit, exe)
            except OSError as error:
                found = Hashed(None, 0, f"{_GONE} ({error.strerror})")
        return found

    def _script(self, process: Process, args: ProcessExec) -> Hashed:
        """Hash what the script's name leads to by then."""
        name = args.path or ""
        if name.startswith("/dev/fd/"):
            return Hashed(None, 0, "it was given by a descriptor, which only its process has")
        base = "root" if name.startswith("/") else "cwd"
        paths = [f"/proc/{process.pid}/{base}/{name.lstrip('/')}"]
        # A process that has ended leaves its name; only its mount namespace tells where that leads.
        if process.namespaces.get("mnt") == self._mounts and args.cwd is not None:
            paths.append(str(Path(args.cwd, name)))
        found = Hashed(None, 0)
        for path in paths:
            try:
                return hash_file(path, self._limit)
            except OSError as error:
                found = Hashed(None, 0, f"the process had ended, or its name led nowhere ({error.strerror})")
        return found

    def _verdict(
        self, event: Event, role: str, path: str | None, found: Hashed, file: FileId | None = None
    ) -> Iterator[Event]:
        known = found.digest in self._digests
        if known and not self._known:
            return
        began = now()
        asked = event.args.path if isinstance(event.args, ProcessExec) else None
        unread = {key: reason for key, reason in event.unread.items() if key.startswith("path")}
        if found.digest is None:
            unread["digest"] = found.reason
        for key, value in {"asked": asked, "path": path}.items():
            if value is None:
                unread[key] = event.unread.get("path", "it was not read at the start")
        if file is None and role == "script":
            unread["file"] = "user space knows it by its name alone"
        elif file is None:
            unread["file"] = event.unread.get("exe", "it was not read at the start")
        elif file.path is None:
            unread["file.path"] = event.unread.get("exe.path", "it was not read at the start")
        args = ProgramVerdict(
            verdict=VERDICTS[int(known)] if found.digest else VERDICTS[2],
            digest=found.digest.hex() if found.digest else None,
            role=role,
            how=LATER if found.digest else "none",
            keeping=NOT_KEPT,
            path=path,
            asked=asked,
            file=file,
            size=found.size,
        )
        yield msgspec.structs.replace(
            event,
            event=_NAME,
            time=self._clock.text(began),
            ktime=began,
            cpu=None,
            seq=None,
            hook="sensor",
            args=args,
            duration=None,
            load=None,
            tags=TAGS[_NAME],
            sources={},
            differences=(),
            unread={**unread, "duration": "it was not measured"},
        )
