from __future__ import annotations

from ringward.trust.sources.fault import Fault


def test_an_error_of_the_system() -> None:
    assert Fault.of("/x", PermissionError(13, "Permission denied")) == Fault("/x", "Permission denied")
    assert Fault.of("/x", OSError("own words")).why == "own words"
