"""What entered the Linux kernel, how did it get there, and should it have?

async for event in ringward.Sensor(["finit_module"]):
    print(event.args.file, event.load)
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs as much as the interpreter's own start
if TYPE_CHECKING:
    from ringward.events import Event
    from ringward.events.filter import Filter
    from ringward.sensor import Sensor, SensorError, SensorInfo

__all__ = ["Event", "Filter", "Sensor", "SensorError", "SensorInfo"]

_HOMES = {
    "Event": "ringward.events",
    "Filter": "ringward.events.filter",
    "Sensor": "ringward.sensor",
    "SensorError": "ringward.sensor",
    "SensorInfo": "ringward.sensor",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: the command line starts without all of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ringward' has no attribute '{name}'")
    from importlib import import_module  # noqa: PLC0415 - as the docstring says

    return getattr(import_module(_HOMES[name]), name)
