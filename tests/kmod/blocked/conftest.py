from __future__ import annotations

from pathlib import Path

import pytest

from tests.kmod.blocked.lab import BlockedLab


@pytest.fixture
def lab(tmp_path: Path) -> BlockedLab:
    return BlockedLab(tmp_path / "lab")
