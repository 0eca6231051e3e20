"""What the sensor tells about itself."""

from __future__ import annotations

import msgspec


class SensorError(Exception):
    """Nothing can be watched. The message: what was attempted, why it failed, what to do next."""


class NoModulesError(SensorError):
    """Only events of modules were asked for, and this kernel has none: no other sensor would see more."""


class Attachment(msgspec.Struct, frozen=True):
    """How an event is seen."""

    rung: str
    """A key of `ringward.events.hooks.RUNGS`."""
    where: str
    """Kernel functions or tracepoints."""
    loses: str
    """What is not seen this way; empty: nothing."""
    programs: tuple[int, ...] = ()
    """Ids of the programs in the kernel, as bpftool prints them."""


class ModuleCounts(msgspec.Struct, frozen=True):
    """Modules loaded when the sensor opened."""

    loaded: int
    unsigned: int
    """With taint E."""
    out_of_tree: int
    """With taint O."""


class SensorInfo(msgspec.Struct, frozen=True):
    """What is watched, and how."""

    kernel: str
    host: str
    kind: str
    """ebpf or uevent."""
    attached: dict[str, Attachment]
    """By event; an aid of an event is ``event: where``."""
    missing: dict[str, str]
    """By event or aid, the reason as the kernel gave it."""
    degraded: str | None
    """One line: why `kind` is not ebpf, and what to do."""
    modules: ModuleCounts | None
    modules_unread: str | None
    """Why `modules` is None."""


class Totals(msgspec.Struct):
    """Counts since the sensor opened."""

    events: int = 0
    filtered: int = 0
    lost: int = 0
    unjudged: int = 0
    """Of `filtered`: what decides about them could not be read."""
    limited: int = 0
    """Left out by a limit that was asked for."""
    lost_uncounted: int = 0
    """Losses of which nobody has counted how many events they were; `lost` is without them."""

    def lose(self, count: int | None) -> None:
        """Count a loss of so many events; None: nobody has counted them."""
        if count is None:
            self.lost_uncounted += 1
        else:
            self.lost += count

    @property
    def is_complete(self) -> bool:
        """Whether nothing was lost."""
        return not self.lost and not self.lost_uncounted
