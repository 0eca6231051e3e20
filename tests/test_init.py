"""The package's public names: there when asked for, and not imported before."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import ringward


def test_every_public_name_is_that_of_its_home() -> None:
    assert sorted(ringward._HOMES) == sorted(ringward.__all__)
    for name, home in ringward._HOMES.items():
        assert getattr(ringward, name) is getattr(import_module(home), name)


def test_what_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'ringward' has no attribute 'Sensr'"):
        _ = ringward.Sensr
    assert not hasattr(ringward, "nothing")


def test_names_can_be_imported_from_the_package() -> None:
    from ringward import Event, Filter, Sensor, SensorError, SensorInfo

    assert all(isinstance(found, type) for found in (Event, Filter, Sensor, SensorError, SensorInfo))


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys, ringward; print([n for n in sys.modules if n.startswith('ringward.') or n == 'msgspec'])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
