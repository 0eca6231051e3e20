from __future__ import annotations

from pathlib import Path

import pytest

from tests.trust.system import System


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path / "root")
