"""Several kernel parts as one, for the sensor that reads what they tell."""

from __future__ import annotations

from collections.abc import Mapping

from ringward.sensor.ebpf import Elsewhere
from ringward.sensor.info import Attachment
from ringward.sensor.objects import ObjectFile


class Together:
    """Programs that several have attached, and that share their maps (`ringward.sensor.ebpf.Elsewhere`).

    Args:
        parts: of which a later one was given the maps of the earlier ones.

    """

    def __init__(self, *parts: Elsewhere) -> None:
        self._parts = parts

    @property
    def maps(self) -> Mapping[str, int]:
        """Descriptors of the maps that they share."""
        return {name: fd for part in self._parts for name, fd in part.maps.items()}

    @property
    def attachments(self) -> Mapping[str, Attachment]:
        """How each of their events and aids is attached."""
        return {name: how for part in self._parts for name, how in part.attachments.items()}

    def files(self) -> list[ObjectFile]:
        """Return their objects."""
        return [file for part in self._parts for file in part.files()]

    def skipped(self) -> dict[str, int]:
        """Return how often the kernel did not run one of them, by the reason for a person."""
        return {reason: count for part in self._parts for reason, count in part.skipped().items()}
