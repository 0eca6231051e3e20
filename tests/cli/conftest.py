from __future__ import annotations

from pathlib import Path

import pytest

from ringward.cli import watch
from ringward.sensor.info import Totals
from tests.cli.fake_sensor import FakeSensor, info
from tests.cli.trust_lab import TrustLab


@pytest.fixture
def sensor(monkeypatch: pytest.MonkeyPatch) -> type[FakeSensor]:
    """Put a sensor of prepared events in the place of the real one."""
    for name, value in {
        "batches": [],
        "last": [],
        "told": info(),
        "counted": Totals(),
        "fault": None,
        "made": [],
        "tallies": {},
    }.items():
        monkeypatch.setattr(FakeSensor, name, value)
    monkeypatch.setattr(watch, "Sensor", FakeSensor)
    return FakeSensor


@pytest.fixture
def trusts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> TrustLab:
    """Return `ringward trust` on a small system."""
    return TrustLab(tmp_path, capsys)
