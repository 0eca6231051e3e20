"""Starts of programs, compared with known digests: by the kernel before they run, else by user space. Only told."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ringward.events.catalogue.program_verdict import ProgramVerdict
from ringward.events.context import Event
from ringward.guard.disks import Disks, MountTables, own_disks
from ringward.guard.layouts import layout
from ringward.guard.programs_proof import KEPT, STARTS
from ringward.guard.proof import Proof
from ringward.guard.running import RunningPrograms
from ringward.sensor import _native, objects
from ringward.sensor.attach import Attached, last_reason, never_run
from ringward.sensor.clock import NS, now
from ringward.sensor.info import Attachment, SensorError
from ringward.trust.rules import TRUSTED

OBJECT = "programs"
HASH_LIMIT = 1 << 30
"""Bytes. Hashing a file cannot be interrupted."""
SPARE = 8192
"""Digests that can be added without writing all of them again."""
EVENT = ProgramVerdict.event_name()
_HOOK = ProgramVerdict.hooks[0]
_DIGEST = 32
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")
_FIRST, _ONE = _U32.pack(0), _U32.pack(1)
LOOK_AGAIN_NS = 5 * NS
"""How soon it is seen that a disk is made of others now (dmsetup, mdadm, btrfs device add)."""
MEMORY = 0  # bpf/kept.bpf.h
_MOUNTED, _OWN = _U32.pack(0), _U32.pack(1)  # bpf/kept.bpf.h: btrfs


class Packed(Protocol):
    """Digests and their values, as `ringward.trust.packed.PackedDigests` has them."""

    @property
    def digests(self) -> bytes:
        """One behind the other."""

    @property
    def values(self) -> Sequence[int]:
        """Of each, in the same order: bits of `ringward.trust.rules`."""


class Counts(NamedTuple):
    """`struct program_counts` of bpf/programs.bpf.c, of all processors together."""

    files: int
    hashed: int
    kept: int
    unknown: int
    unhashed: int


def obstacle(before: Counts, after: Counts) -> str | None:
    """Return why the kernel cannot do it, by what it has counted around a start of a program; None: it can."""
    files = after.files - before.files
    if files <= 0:
        return "the hook is attached and did not run when a program was started"
    if after.unhashed - before.unhashed == files:
        return "the kernel hashes no files: it has no IMA (CONFIG_IMA), or IMA's algorithm is not sha256 (ima_hash=)"
    return None


class KernelPrograms:
    """The kernel part (`ringward.sensor.ebpf.Elsewhere`). It denies nothing.

    Args:
        digests: SHA-256 of what is known, 32 bytes each.
        known: tell of known programs too.
        limit: bytes; larger files are not hashed.
        shared: maps that the sensor or another part has already.

    Raises:
        SensorError: the kernel cannot do it.

    """

    events = (EVENT,)
    weaker: str | None = None

    def __init__(
        self,
        digests: Iterable[bytes],
        *,
        known: bool = False,
        limit: int = HASH_LIMIT,
        shared: Mapping[str, int] | None = None,
    ) -> None:
        refused = never_run().get(_HOOK.rung)
        if refused:
            raise SensorError(refused)
        self._attached = Attached(None, shared)
        self._digests: int | None = None
        self._told = Disks()
        self._looked = self._mounted = -1
        self._mounts = MountTables()
        self._keeps = True
        try:
            self._attach(known=known, limit=limit)
            self.know(digests)
            self._prove()
            self._proof = Proof(self.maps, [STARTS])
            self._kept_proof = Proof(self.maps, KEPT)
            self.undecided()
        except BaseException:
            self.close()
            raise
        self.refresh()

    def _attach(self, *, known: bool, limit: int) -> None:
        knobs: dict[str, int | bytes] = {"send_known": int(known), "hash_limit": limit, "tells": 1}
        knobs |= {"session": now(), "may_prove": 1}
        try:
            self._attached.load(OBJECT, set(_HOOK.programs), knobs)
        except _native.BpfError as error:
            raise SensorError(last_reason(error)) from None

    def _prove(self) -> None:
        """Make the hook fire.

        Raises:
            SensorError: it does not run, or the kernel hashes nothing.

        """
        before = self.counts()
        try:
            os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        except OSError as error:
            raise SensorError(f"cannot try it by starting /bin/true: {error.strerror}") from None
        reason = obstacle(before, self.counts())
        if reason:
            raise SensorError(reason)

    @property
    def elsewhere(self) -> KernelPrograms:
        """What the sensor is to be given, to read these records."""
        return self

    @property
    def maps(self) -> Mapping[str, int]:
        """Descriptors of the maps that the sensor shares."""
        return self._attached.map_fds()

    @property
    def attachments(self) -> Mapping[str, Attachment]:
        """How the event is attached."""
        ids = tuple(self._attached.program_id(OBJECT, program) for program in _HOOK.programs)
        return {EVENT: Attachment(_HOOK.rung, _HOOK.name, _HOOK.loses, ids)}

    def files(self) -> list[objects.ObjectFile]:
        """Return the object."""
        return self._attached.files()

    def skipped(self) -> dict[str, int]:
        """Return how often the kernel did not run a program at its hook, by the reason for a person."""
        return self._attached.skipped()

    def know(self, digests: Iterable[bytes]) -> None:
        """Replace what is known, from one start to the next.

        Raises:
            BpfError: the kernel has no memory for it.

        """
        keys = _packed(digests)
        count = len(keys) // _DIGEST
        fd = _native.map_hash("program_digests", _DIGEST, _U32.size, count + SPARE)
        try:
            _native.map_fill(fd, keys, _ONE * count)
            _native.map_update(self.maps["program_digests"], _FIRST, _U32.pack(fd))
        except BaseException:
            os.close(fd)
            raise
        if self._digests is not None:
            os.close(self._digests)
        self._digests = fd

    def add(self, digest: bytes) -> None:
        """Make one more digest known.

        Raises:
            BpfError: SPARE of them have been added since all were written (E2BIG).

        """
        if self._digests is None:
            raise RuntimeError("it is closed")
        _native.map_update(self._digests, digest, _ONE)

    def refresh(self) -> None:
        """Look at what is mounted: only on disks that are known to be this machine's own are digests kept.

        A disk can come to be made of others without a word of the kernel: it is looked again after `LOOK_AGAIN_NS`.
        """
        if not self._keeps:
            return
        btrfs, time = self.maps["btrfs"], now()
        # Before the look: what is mounted during it makes it worth nothing.
        (mounted,) = _U64.unpack(_native.map_lookup(btrfs, _MOUNTED) or bytes(_U64.size))
        changed = self._mounts.changed()
        if not changed and mounted == self._mounted and time - self._looked < LOOK_AGAIN_NS:
            return
        self._looked, self._mounted = time, mounted
        disks = own_disks(*self._mounts.read(), before=self._told)
        # A disk is watched before anything of it is kept.
        _replace(self.maps["kept_devices"], _U32, disks.devices, self._told.devices)
        _replace(self.maps["kept_disks"], _U64, disks.sequences | {MEMORY}, self._told.sequences)
        _native.map_update(btrfs, _OWN, _U64.pack(mounted + 1 if disks.btrfs else 0))
        self._told = disks

    def undecided(self) -> dict[str, str]:
        """Make each hook run; return those that did not, and on what.

        Where changes of files go unseen no digest is kept any more, also when they are seen again: nobody knows what
        was changed in between.
        """
        found = self._proof.undecided()
        for label, unseen in self._kept_proof.undecided().items():
            found[label] = ", ".join(filter(None, (found.get(label), unseen)))
            self._keep_nothing()
        return found

    @property
    def unreached(self) -> dict[str, str]:
        """The hooks that could not be made to run by the last proof, and on what."""
        return {**self._kept_proof.unreached, **self._proof.unreached}

    def _keep_nothing(self) -> None:
        self._keeps = False
        for name in ("kept_disks", "kept_devices"):
            for key in _native.map_keys(self.maps[name]):
                _native.map_delete(self.maps[name], key)
        _native.map_update(self.maps["btrfs"], _OWN, _U64.pack(0))

    def counts(self) -> Counts:
        """Return what the kernel part has counted."""
        raw = _native.map_lookup(self.maps["program_counts"], _FIRST) or b""
        names = [field.name for field in layout("program_counts", OBJECT).fields]
        rows = [dict(zip(names, row, strict=True)) for row in struct.iter_unpack(f"<{len(names)}Q", raw)]
        return Counts(*(sum(row[name] for row in rows) for name in Counts._fields))

    def verdicts(self, _event: Event) -> Iterator[Event]:
        """Yield nothing: the stream has the kernel's verdicts."""
        return iter(())

    def close(self) -> None:
        """Detach."""
        if self._digests is not None:
            os.close(self._digests)
            self._digests = None
        self._mounts.close()
        self._attached.close()


def _replace(fd: int, key: struct.Struct, wanted: Iterable[int], there: Iterable[int]) -> None:
    for number in set(wanted) - set(there):
        _native.map_update(fd, key.pack(number), _ONE)
    for number in set(there) - set(wanted):
        _native.map_delete(fd, key.pack(number))


Judge = KernelPrograms | RunningPrograms


def _packed(digests: Iterable[bytes]) -> bytes:
    """Return digests one behind the other, without a list of them: objects take three times the memory."""
    found = bytearray()
    for digest in digests:
        found += digest
    return bytes(found)


def _each(packed: bytes) -> Iterator[bytes]:
    return (packed[at : at + _DIGEST] for at in range(0, len(packed), _DIGEST))


def trusted(known: Packed) -> Iterator[bytes]:
    """Yield the digests that the trust database trusts, of all that a policy knows."""
    digests = known.digests
    for index, value in enumerate(known.values):
        if value & TRUSTED:
            yield digests[index * _DIGEST : (index + 1) * _DIGEST]


def begin(
    digests: Iterable[bytes],
    *,
    known: bool = False,
    limit: int = HASH_LIMIT,
    shared: Mapping[str, int] | None = None,
) -> Judge:
    """Compare each start of a program, in the kernel where that can be had. Arguments as of `KernelPrograms`.

    The result's `events` and `elsewhere` are for a `ringward.sensor.Sensor`, and `verdicts` adds to its events;
    `weaker` says why user space has to do it.
    """
    keys = _packed(digests)
    try:
        return KernelPrograms(_each(keys), known=known, limit=limit, shared=shared)
    except SensorError as error:
        return RunningPrograms(_each(keys), str(error), known=known, limit=limit)
