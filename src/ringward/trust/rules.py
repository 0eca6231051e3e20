"""Rules and the policy that is made of them: plain values, as the decision and the kernel part hold them.

What a rule says of a digest, package, signer or path is resolved beforehand (`resolve_rules.py`): which known
digests it holds for. The rest are facts that the kernel has when it decides, compared exactly or by their beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag, StrEnum
from typing import Protocol

from ringward.trust.patterns import Pattern

MOST_RULES = 256
"""Rules of a policy."""
MOST_VALUES = 8
"""Values of one condition that the kernel part compares one by one: names, parameters, aliases, uids, programs."""


class Operation(StrEnum):
    """What is decided on; the words of ``guard --for``."""

    MODULES = "modules"
    """An image of a module that the kernel has copied."""
    AUTOLOAD = "autoload"
    """A request of the kernel for a module, by an alias."""
    UNLOAD = "unload"
    """The removal of a module."""
    PROGRAMS = "programs"
    """The start of a program."""
    SELF = "self"
    """A change of Ringward's own files, maps and processes by others; no rule is for it."""


class Action(StrEnum):
    """What a rule or a verdict says."""

    ALLOW = "allow"
    DENY = "deny"


class Mode(IntEnum):
    """How strict the guard is with an operation."""

    OFF = 0
    """It is not judged."""
    LEARN = 1
    """What is unknown passes and is learned."""
    MONITOR = 2
    """What would be denied passes, and is an event."""
    ENFORCE = 3
    """What is denied does not happen."""


def mode_at(mode: Mode, enforce_until: int, time: int) -> Mode:
    """Return the mode at a time, as the kernel part does (bpf/guard_decide.bpf.h: policy_mode()).

    Args:
        mode: that the policy has.
        enforce_until: nanoseconds since boot; enforcing is monitoring from then on. 0: no end.
        time: nanoseconds since boot.

    """
    return Mode.MONITOR if mode is Mode.ENFORCE and 0 < enforce_until <= time else mode


class Origin(IntEnum):
    """How a load came about."""

    COMMAND = 0
    """By hand, or by a service."""
    REQUEST = 1
    """The kernel asked for an alias."""
    UDEV = 2
    """For a device."""
    BOOT = 3
    """From the initramfs, or modules-load.d."""


class Flag(IntFlag):
    """What is special about a load or removal."""

    IGNORE_MODVERSIONS = 1
    """MODULE_INIT_IGNORE_MODVERSIONS of finit_module(2)."""
    IGNORE_VERMAGIC = 2
    """MODULE_INIT_IGNORE_VERMAGIC of finit_module(2)."""
    COMPRESSED = 4
    """MODULE_INIT_COMPRESSED_FILE of finit_module(2)."""
    NO_FILE = 0x100
    """The image came from memory: init_module(2)."""
    FORCE = 0x200
    """O_TRUNC of delete_module(2)."""


FORCED = Flag.IGNORE_MODVERSIONS | Flag.IGNORE_VERMAGIC | Flag.FORCE
"""A load or removal past the kernel's own checks."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Conditions of several kinds: all of them; several values of one kind: any of them.

    Two conditions differ with the action, so that each errs on the safe side. A deny rule holds when any of the
    load's parameters matches one of `parameters`, or any of its flags is in `flags`; an allow rule when all do
    (a load without any included).

    Attributes:
        id: unique name.
        action: what it says.
        operations: that it is for.
        message: for who is blocked; "".
        link: for who is blocked; "".
        where: file and line; "".
        names: of modules, underscored; resolved for digests whose module is known, else compared.
        digests: SHA-256, 32 bytes each; resolved.
        packages: globs; resolved.
        signers: key ids, lower case hex; resolved.
        paths: globs; resolved.
        parameters: as `patterns.parse_parameter` makes them.
        flags: None: no condition.
        aliases: underscored; of the kernel's request that led here.
        origins: none: no condition.
        uids: inclusive ranges of the caller's real user id; a kernel thread has none.
        programs: the path of the caller's executable.
        container: whether the caller is in one; None: no condition.
        kernel_thread: whether the caller is one; None: no condition.

    """

    id: str
    action: Action
    operations: frozenset[Operation] = frozenset({Operation.MODULES})
    message: str = ""
    link: str = ""
    where: str = ""
    names: tuple[Pattern, ...] = ()
    digests: frozenset[bytes] = frozenset()
    packages: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    parameters: tuple[Pattern, ...] = ()
    flags: Flag | None = None
    aliases: tuple[Pattern, ...] = ()
    origins: frozenset[Origin] = frozenset()
    uids: tuple[tuple[int, int], ...] = ()
    programs: tuple[Pattern, ...] = ()
    container: bool | None = None
    kernel_thread: bool | None = None

    @property
    def resolved(self) -> bool:
        """Whether it has a condition that only the database can answer; a name alone is none."""
        return bool(self.digests or self.packages or self.signers or self.paths)


TRUSTED = 1
"""Bit of a known digest: it is trusted."""
NAMED = 2
"""Bit of a known digest: the database knows its module's name, so that the class says which names it matches."""
CLASS_SHIFT = 8
"""A known digest's value is its bits, and its class from here on."""
UNKNOWN = 0
"""Value of a digest that is not known: class 0, no bit."""


class Known(Protocol):
    """The digests that the policy knows."""

    def find(self, digest: bytes) -> int:
        """Return the digest's value: its bits, and its class << CLASS_SHIFT; `UNKNOWN` for any other."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A snapshot of all that a decision depends on.

    Attributes:
        rules: in their order, at most `MOST_RULES`.
        known: the digests; class numbers are indexes of `classes`.
        classes: of each class a number, whose bit i says that what rule i wants of a digest holds: always set where
            it wants nothing. Names are in it for digests with `NAMED`, and left out for the others. Class 0 is that
            of unknown digests: the rules that are not `Rule.resolved`.
        modes: of each operation; one that is missing is OFF.
        closed: operations in which what nothing allows is denied; in others it passes.

    """

    rules: tuple[Rule, ...]
    known: Known
    classes: tuple[int, ...]
    modes: Mapping[Operation, Mode] = field(default_factory=dict)
    closed: frozenset[Operation] = frozenset({Operation.MODULES, Operation.PROGRAMS})

    def mode(self, operation: Operation) -> Mode:
        """Return the mode of an operation."""
        return self.modes.get(operation, Mode.OFF)
