"""The README's examples are run: the Python one as it stands, the commands as far as they are parsed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ringward.sensor import _native

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLE = re.search(r"```python\n(.*?)```", README, re.DOTALL)


def test_python_example_prints_an_event():
    if os.geteuid() != 0:
        pytest.skip("needs root (CAP_BPF, CAP_PERFMON): the example opens the sensor")
    assert EXAMPLE
    process = subprocess.Popen([sys.executable, "-c", EXAMPLE[1]], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    over = threading.Event()

    def call_until_over() -> None:
        while not over.is_set():
            _native.raw_syscall(174, 0, 0, 0, 0, 0)
            time.sleep(0.1)

    caller = threading.Thread(target=call_until_over)
    caller.start()
    try:
        out, _ = process.communicate(timeout=60)
    finally:
        over.set()
        caller.join()
        process.kill()
    assert process.returncode == 0
    own = re.escape(Path("/proc/self/comm").read_text().rstrip("\n"))
    assert re.match(rf"\d{{4}}-\d\d-\d\dT\S+Z {own} create_module  ENOSYS", out), out


@pytest.mark.parametrize("line", re.findall(r"^    ringward (.+?)(?:  +#.*)?$", README, re.MULTILINE))
def test_command_is_understood(line):
    command = line.split()[0]
    found = subprocess.run(
        [sys.executable, "-m", "ringward", command, "--help"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert found.returncode == 0
    for option in re.findall(r"(--[a-z]+)", line):
        assert option in found.stdout, f"{option} of the README's '{line}'"


def test_named_files_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
