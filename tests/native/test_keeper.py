"""The guard's helper, without a guard: what it does not take from its caller, and how it fails."""

from __future__ import annotations

import subprocess

import pytest

from ringward.guard.launch import KEEPER
from ringward.guard.pins import FOLDER


def test_it_is_static() -> None:
    """No loader listens to LD_PRELOAD before it runs."""
    headers = subprocess.run(["readelf", "-lW", KEEPER], check=True, capture_output=True, text=True).stdout
    assert "INTERP" not in headers
    assert "LOAD" in headers


def test_without_a_guard_it_says_so() -> None:
    if FOLDER.exists():
        pytest.fail(f"{FOLDER} exists: a guard is pinned here")
    done = subprocess.run([KEEPER, "trust", "list"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (4, "")
    assert "is the guard on" in done.stderr
