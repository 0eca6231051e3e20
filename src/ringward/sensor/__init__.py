"""The sensor: eBPF where the kernel gives it, what is left where it does not."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ringward.sensor.info import Attachment, SensorError, SensorInfo, Totals
    from ringward.sensor.sensor import Sensor

__all__ = ["Attachment", "Sensor", "SensorError", "SensorInfo", "Totals"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: a replay needs no native module."""
    if name not in __all__:
        raise AttributeError(f"module 'ringward.sensor' has no attribute '{name}'")
    from importlib import import_module  # noqa: PLC0415 - as the docstring says

    home = "sensor" if name == "Sensor" else "info"
    return getattr(import_module(f"ringward.sensor.{home}"), name)
