"""Several kernel parts as one."""

from __future__ import annotations

from typing import Any, NamedTuple

from ringward.guard.together import Together
from ringward.sensor.info import Attachment


class Part(NamedTuple):
    maps: dict[str, int]
    attachments: dict[str, Attachment]
    objects: list[Any]
    missed: dict[str, int]

    def files(self) -> list[Any]:
        return self.objects

    def skipped(self) -> dict[str, int]:
        return self.missed


def test_all_of_each_and_the_later_ones_maps() -> None:
    first = Part({"events": 3, "a": 4}, {"module_verdict": Attachment("lsm", "x", "")}, ["modules"], {"one": 1})
    second = Part({"events": 7, "b": 8}, {"program_verdict": Attachment("lsm", "y", "")}, ["programs"], {"two": 2})
    found = Together(first, second)
    assert found.maps == {"events": 7, "a": 4, "b": 8}
    assert found.attachments == first.attachments | second.attachments
    assert found.files() == ["modules", "programs"]
    assert found.skipped() == {"one": 1, "two": 2}
