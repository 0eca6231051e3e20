"""The sensor: eBPF where the kernel gives it, what is left where it does not."""

from __future__ import annotations

from ringward.sensor.info import Attachment, SensorError, SensorInfo, Totals
from ringward.sensor.sensor import Sensor

__all__ = ["Attachment", "Sensor", "SensorError", "SensorInfo", "Totals"]
