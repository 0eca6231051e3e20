"""Which device each udev worker is at work for, told by its own messages; pure.

A worker takes one device after another: received, processed, received, ... Its first one comes
with its fork and is only named when it is done. What it loads belongs to the device between.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ringward.sensor.origin import Device

KEPT = 4096
Later = Callable[[Device], None]


@dataclass(slots=True)
class _Worker:
    device: Device | None = None
    first: bool = True
    """It has not named a device yet: it may be at the one that it was forked for."""
    waiting: list[Later] = field(default_factory=list)


class Workers:
    """Every process that was told of by `udev_device`, or that asked."""

    def __init__(self) -> None:
        self._workers: OrderedDict[str, _Worker] = OrderedDict()

    def _of(self, process: str) -> _Worker:
        worker = self._workers.setdefault(process, _Worker())
        self._workers.move_to_end(process)
        while len(self._workers) > KEPT:
            self._workers.popitem(last=False)
        return worker

    def tell(self, process: str, stage: str, device: Device) -> None:
        """Take in one `udev_device` event of the process with this id."""
        worker = self._of(process)
        if stage == "received":
            worker.device = device
        elif worker.first and worker.device is None:
            for later in worker.waiting:
                later(device)
        else:
            worker.device = None
        worker.waiting.clear()
        worker.first = False

    def at(self, process: str, later: Later) -> Device | None:
        """Return the device that a worker is at; None when it is not known (yet).

        Args:
            process: id of the worker.
            later: called with the device when it is the worker's first, as soon as the worker names it.

        """
        worker = self._of(process)
        if worker.device is None and worker.first:
            worker.waiting.append(later)
        return worker.device
