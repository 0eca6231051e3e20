"""Looks at every program, library, script and module of a system, and at who vouches for each.

What was looked at before is not read again while its identity is the same (see `look.identity`).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from ringward.kmod.threads import in_threads
from ringward.kmod.verify import Trusted
from ringward.trust import _files
from ringward.trust.entry import Source
from ringward.trust.judge import Judgement, judge
from ringward.trust.kinds import is_code, is_module_name
from ringward.trust.look import NOTHING, SETTLED, Looked, LookError, look
from ringward.trust.places import Places
from ringward.trust.sources.directory import USUAL, Listed, listed, walk
from ringward.trust.sources.dpkg import Dpkg
from ringward.trust.sources.fault import Fault
from ringward.trust.sources.modules import TREES, Certificates, version_of

_LARGE = 1 << 18
"""Bytes. Such files are hashed as they are found; the others then, the largest first: so all threads end together."""
_AHEAD = 1 << 14
"""Files that may wait for a thread: to find them takes this one as long as the others hash."""


class Remembered(NamedTuple):
    """What is kept of a file between surveys.

    Attributes:
        looked: what was found.
        certificates: fingerprint of those that a module was checked with; b"": it is none.

    """

    looked: Looked
    certificates: bytes = b""

    def serves(self, *, md5: bool, certificates: bytes) -> bool:
        """Return whether it answers, too, what is asked for the next time."""
        if md5 and self.looked.kind and not self.looked.md5:
            return False
        return not self.looked.signer or self.certificates == certificates


_NO_CODE = Remembered(NOTHING)

Memory = Mapping[bytes, Remembered]
"""Identity of a file -> what was found in it."""


@dataclass(frozen=True)
class Scope:
    """What is looked at, and what an administrator vouches for.

    Attributes:
        root: of the system; "" is this one.
        directories: whose files are trusted as they are.
        kernels: versions, all of whose modules are trusted as they are.
        certificates: files of certificates for modules' signatures, besides those built into kernels.

    """

    root: str = ""
    directories: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()


class Progress(NamedTuple):
    """How far a survey is.

    Attributes:
        files: that were found.
        size: bytes that were read for digests.
        part: of the bytes that have to be, 0 to 1; None: files are still being found.

    """

    files: int
    size: int
    part: float | None


@dataclass
class Survey:
    """What a survey found.

    Attributes:
        judgements: of each digest at each path, in the order of the paths.
        faults: what could not be looked at.
        memory: for the next one.
        installed: (package, version) of what dpkg has installed.
        packaged: whether there is a dpkg database.
        files: that were looked at.
        read: files whose digest was computed.
        size: bytes that were read for digests.

    """

    judgements: list[Judgement] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    memory: dict[bytes, Remembered] = field(default_factory=dict)
    installed: set[tuple[str, str]] = field(default_factory=set)
    packaged: bool = False
    files: int = 0
    read: int = 0
    size: int = 0


class _Work(NamedTuple):
    """A file that has to be read."""

    real: str
    shown: str
    size: int
    md5: bool
    trusted: Trusted


def survey(
    scope: Scope,
    memory: Memory | None = None,
    progress: Callable[[Progress], None] | None = None,
    threads: int | None = None,
) -> Survey:
    """Return what is on a system. What cannot be looked at is a fault in it.

    Args:
        scope: what is looked at, and who vouches.
        memory: of the last survey.
        progress: called every now and then.
        threads: how many are used; None: one for each processor.

    """
    return _Surveyor(scope, memory or {}, progress or _nobody, threads).run()


def _nobody(_progress: Progress) -> None:
    """Show no progress."""


class _Surveyor:
    """One survey under way; arguments as of `survey`."""

    def __init__(self, scope: Scope, memory: Memory, progress: Callable[[Progress], None], threads: int | None) -> None:
        self._places = Places(scope.root)
        self._certificates = Certificates(self._places, scope.certificates)
        self._memory = memory
        self._progress = progress
        self._threads = threads
        self._found = Survey()
        self._past = 0
        self._whole: int | None = None
        directories = self._tops(scope.directories)
        trees = self._tops(f"{TREES}/{version}" for version in scope.kernels)
        self._named = [(top, Source.DIRECTORY) for top in directories] + [(top, Source.MODULES) for top in trees]

    def run(self) -> Survey:
        found = self._found
        dpkg = Dpkg(self._places)
        found.installed, found.packaged = dpkg.installed, dpkg.present
        found.faults += dpkg.faults
        found.faults += [Fault("certificate", problem) for problem in self._certificates.problems]
        looked = self._look(dpkg)
        for real in sorted(looked):
            one = looked[real]
            shown = self._places.shown(real)
            source = self._source(real, one) if one.kind else None
            found.judgements += judge(one, shown, dpkg.owners.get(real, ()), source, version_of(shown))
        return found

    def _fault(self, fault: Fault) -> None:
        self._found.faults.append(Fault(self._places.shown(fault.path), fault.why))

    def _tops(self, paths: Iterable[str]) -> list[str]:
        """Return where directories really are, each once."""
        found: dict[str, None] = {}
        for path in paths:
            try:
                found[self._places.directory(path)] = None
            except OSError as error:
                self._found.faults.append(Fault.of(path, error))
        return list(found)

    def _files(self, dpkg: Dpkg) -> Iterator[tuple[str, list[Listed]]]:
        """Yield the files to look at, by directories; those of named ones perhaps twice."""
        usual = self._tops(USUAL)
        named = [top for top, _ in self._named]
        yield from walk(usual, self._fault)
        yield from walk(named, self._fault, missing_is_fault=True)
        walked = tuple(f"{top.rstrip('/')}/" for top in (*usual, *named))
        others = (real for real in dpkg.owners if not real.startswith(walked))
        for real in others:
            try:
                status = os.lstat(real)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._fault(Fault.of(real, error))
                continue
            if stat.S_ISREG(status.st_mode):
                folder, one = listed(real, status)
                yield folder, [one]

    def _look(self, dpkg: Dpkg) -> dict[str, Looked]:
        """Return what is in each file that could be looked at."""
        found: dict[str, Looked] = {}
        for one, answer in in_threads(_read, self._work(dpkg, found), self._threads, ahead=_AHEAD):
            if isinstance(answer, Fault):
                self._fault(answer)
            elif answer is not None:
                found[one.real] = self._remember(one, *answer)
            self._past += one.size
            self._tell()
        return found

    def _tell(self) -> None:
        """Tell how far it is."""
        part = None if self._whole is None else min(self._past / (self._whole or 1), 1.0)
        self._progress(Progress(self._found.files, self._found.size, part))

    def _work(self, dpkg: Dpkg, found: dict[str, Looked]) -> Iterator[_Work]:
        """Yield the files that have to be read whole; put what is remembered of the others into `found`."""
        small = []
        whole = 0
        for one in self._code(dpkg, found):
            whole += one.size
            if one.size < _LARGE:
                small.append(one)
            else:
                yield one
        self._whole = whole
        yield from sorted(small, key=attrgetter("size"), reverse=True)

    def _code(self, dpkg: Dpkg, found: dict[str, Looked]) -> Iterator[_Work]:
        """Yield the files that may be code, of which nothing is remembered; what is goes into `found`."""
        seen = set()
        for folder, files in self._files(dpkg):
            above = folder.rstrip("/")
            new = []
            for one in files:
                real = f"{above}/{one[0]}"
                if real in seen:
                    continue
                seen.add(real)
                known = self._memory.get(one[1])
                if known and known.serves(md5=_has_md5(dpkg, real), certificates=self._certificates_of(real)[1]):
                    found[real] = known.looked
                    self._found.memory[one[1]] = known
                else:
                    new.append(one)
            self._found.files = len(seen)
            self._tell()
            for name, size in self._opened(folder, new):
                real = f"{above}/{name}"
                trusted, _ = self._certificates_of(real)
                yield _Work(real, self._places.shown(real), size, _has_md5(dpkg, real), trusted)

    def _opened(self, folder: str, files: list[Listed]) -> Iterator[tuple[str, int]]:
        """Yield name and size of the files that may be code, by their first bytes; of the others that is remembered."""
        settled = time.time_ns() - SETTLED
        try:
            heads = _files.heads(folder, [one[0] for one in files]) if files else []
        except OSError as error:
            heads = [error.errno or errno.EIO] * len(files)
        for (name, same, size, ctime), head in zip(files, heads, strict=True):
            if isinstance(head, int):
                if head != errno.ENOENT:
                    self._fault(Fault(f"{folder.rstrip('/')}/{name}", os.strerror(head)))
            elif is_code(head, name):
                yield name, size
            elif ctime < settled:
                self._found.memory[same] = _NO_CODE

    def _certificates_of(self, real: str) -> tuple[Trusted, bytes]:
        """Return the certificates that a file is checked with, and their fingerprint."""
        # Only what is named as a module is in a kernel's tree.
        version = version_of(self._places.shown(real)) if is_module_name(real) else ""
        return self._certificates.of(version), self._certificates.fingerprint(version)

    def _remember(self, work: _Work, looked: Looked, same: bytes, size: int) -> Looked:
        self._found.size += size
        self._found.read += bool(size)
        if same:
            certificates = self._certificates_of(work.real)[1] if looked.signer else b""
            self._found.memory[same] = Remembered(looked, certificates)
        return looked

    def _source(self, real: str, looked: Looked) -> Source | None:
        """Return the source that an administrator named and that covers a file."""
        module = bool(looked.image)
        return next(
            (
                source
                for top, source in self._named
                if (real == top or real.startswith(f"{top}/")) and (module or source is not Source.MODULES)
            ),
            None,
        )


def _has_md5(dpkg: Dpkg, real: str) -> bool:
    return any(owner.md5 for owner in dpkg.owners.get(real, ()))


def _read(work: _Work) -> tuple[_Work, tuple[Looked, bytes, int] | Fault | None]:
    """Look at one file; None: it was removed since the directory was read."""
    try:
        return work, look(work.real, md5=work.md5, trusted=work.trusted, name=work.shown)
    except LookError as error:
        gone = isinstance(error.__cause__, FileNotFoundError)
        return work, None if gone else Fault(work.real, str(error))
