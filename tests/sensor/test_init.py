"""The package gives its public names when they are asked for, and imports nothing before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ringward.sensor


@pytest.mark.parametrize("name", ringward.sensor.__all__)
def test_public_names_are_there(name):
    assert getattr(ringward.sensor, name).__name__ == name


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ringward.sensor.nothing  # noqa: B018


def test_the_native_module_is_not_loaded_for_info_alone():
    code = "import sys; import ringward.sensor.info; print('ringward.sensor._native' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
