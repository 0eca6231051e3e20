# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from vmtest.errors import UsageError
from vmtest.script import UDEVD, guest_environment, init_script

ODD = ["printf", "%s\\n", "it's", "a b", "$HOME", "`id`", "\n", "*", "{x}", ""]


def make(command: Sequence[str], environment: dict[str, str] | None = None, *, udev: bool = False) -> str:
    return init_script(
        command,
        busybox="/usr/bin/busybox",
        results=Path("/tmp/r"),
        tag="virtme.initmount0",
        modules=Path("/c/lib/modules/6.1"),
        boot=Path("/c/boot"),
        overlays=["/etc", "/usr"],
        cwd=Path("/srv/it's here"),
        environment=environment or {"PATH": "/usr/bin:/bin"},
        udev=udev,
    )


@pytest.mark.parametrize("udev", [False, True])
def test_the_script_is_valid_shell(udev: bool) -> None:
    script = make(ODD, udev=udev)
    done = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert script.startswith("#!/usr/bin/busybox sh\n")
    assert (f"{UDEVD} --daemon" in script) == udev


def test_command_and_variables_reach_the_program_unchanged() -> None:
    script = make(ODD, {"PATH": "/usr/bin:/bin", "ODD": "a'b $x"})
    begin, end = script.index("/usr/bin/env -i "), script.index(" </dev/null >/run/vmtest.out")
    line = script[begin:end]
    done = subprocess.run(["sh", "-c", line], text=True, capture_output=True, check=True)
    assert done.stdout == "".join(f"{word}\n" for word in ODD[2:])
    shown = line.replace(line[line.index("printf") :], "env")
    environment = subprocess.run(["sh", "-c", shown], text=True, capture_output=True, check=True).stdout
    assert environment == "PATH=/usr/bin:/bin\nODD=a'b $x\n"


def test_no_signal_is_ignored_by_the_command() -> None:
    script = make(["grep", "SigIgn", "/proc/self/status"], {})
    line = script[script.index("/usr/bin/env -i ") : script.index(" </dev/null >/run/vmtest.out")]
    ignored = {command: _ignored(command) for command in ("grep SigIgn /proc/self/status", line)}
    interrupt = 1 << (signal.SIGINT - 1)
    assert [mask & interrupt for mask in ignored.values()] == [interrupt, 0]


def _ignored(command: str) -> int:
    """Return the mask of what a command ignores that a shell runs beside itself."""
    done = subprocess.run(["sh", "-c", f"{command} & wait $!"], text=True, capture_output=True, check=True)
    return int(done.stdout.removeprefix("SigIgn:"), 16)


@pytest.mark.parametrize("command", [[], ["a\0b"], ["A=1", "b"]])
def test_commands_that_cannot_be_run(command: list[str]) -> None:
    with pytest.raises(UsageError):
        make(command)


def test_only_named_variables_are_handed_over() -> None:
    environ = {"PATH": "/x", "VIRTUAL_ENV": "/v", "SECRET": "s", "WANTED": "w"}
    found = guest_environment(environ, ["WANTED", "UNSET"], Path("/r"))
    assert found == {
        "PATH": "/x:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "VMTEST_RESULTS": "/r",
        "VIRTUAL_ENV": "/v",
        "WANTED": "w",
    }
