"""A cgroup that is named as a container's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

CONTAINER = "3f" * 32


@pytest.fixture(name="scope")
def scope_fixture() -> Iterator[Path]:
    """Make a cgroup in the default hierarchy that is named as docker's are under systemd."""
    root = next(
        Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"
    )
    parent = root / "ringward-test.slice"
    made = parent / f"docker-{CONTAINER}.scope"
    made.mkdir(parents=True)
    yield made
    made.rmdir()
    parent.rmdir()
