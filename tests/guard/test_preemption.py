"""The kernel's preemption model, from what it says of itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.guard import preemption
from ringward.guard.preemption import current, model, obstacle

DYNAMIC = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.1"


@pytest.mark.parametrize(
    ("version", "switch", "cmdline", "config", "found"),
    [
        (DYNAMIC, "none (voluntary) full\n", "preempt=full", None, "voluntary"),
        (DYNAMIC, "none voluntary (full)\n", "", None, "full"),
        (DYNAMIC, "none voluntary full (lazy)\n", "", None, "lazy"),
        (DYNAMIC, "nothing that is known\n", "preempt=none", None, None),
        (DYNAMIC, None, "quiet preempt=full preempt=none", "CONFIG_PREEMPT=y\n", "none"),
        (DYNAMIC, None, "xpreempt=full", "# a\nCONFIG_PREEMPT_VOLUNTARY=y\nCONFIG_PREEMPT_DYNAMIC=y\n", "voluntary"),
        (DYNAMIC, None, "", "CONFIG_PREEMPT=y\nCONFIG_PREEMPT_DYNAMIC=y\n", "full"),
        (DYNAMIC, None, "", "CONFIG_PREEMPT_NONE=y\n", "none"),
        (DYNAMIC, None, "", "CONFIG_SMP=y\n", None),
        (DYNAMIC, None, "", None, None),
        ("#1 SMP PREEMPT_RT Debian 6.1.1", "none (voluntary) full", "", None, "rt"),
    ],
)
def test_the_model(version: str, switch: str | None, cmdline: str, config: str | None, found: str | None) -> None:
    assert model(version, switch, cmdline, config) == found


@pytest.mark.parametrize("safe", ["none", "voluntary"])
def test_where_a_task_gives_way_by_itself_there_is_no_obstacle(safe: str) -> None:
    assert obstacle(safe) is None


@pytest.mark.parametrize("unsafe", ["full", "rt", "lazy"])
def test_where_it_does_not_there_is(unsafe: str) -> None:
    assert f"the kernel preempts ({unsafe})" in (obstacle(unsafe) or "")


def test_what_is_not_known_is_an_obstacle() -> None:
    assert "could not be found out" in (obstacle(None) or "")


def test_of_this_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    switch = tmp_path / "preempt"
    switch.write_text("none voluntary (full)\n")
    monkeypatch.setattr(preemption, "SWITCH", switch)
    assert current() == ("rt" if "PREEMPT_RT" in os.uname().version.split() else "full")
