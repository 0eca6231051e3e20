from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ringward.kmod.blocked.commands import KEEPS_OUT, LOADS, MAY_LOAD, effect


@pytest.mark.parametrize(
    ("command", "loads", "fails"),
    [
        ("/bin/false", KEEPS_OUT, True),
        ("/bin/true", KEEPS_OUT, False),
        (":", KEEPS_OUT, False),
        ("", KEEPS_OUT, False),
        ("exit 1", KEEPS_OUT, True),
        ("exit 0", KEEPS_OUT, False),
        ("exit", KEEPS_OUT, False),
        ("echo 'no; modprobe x' >&2; exit 1", KEEPS_OUT, False),
        ("/bin/false $CMDLINE_OPTS", KEEPS_OUT, True),
        ("/nowhere/at-all x", KEEPS_OUT, True),
        ("/sbin/modprobe --ignore-install x $CMDLINE_OPTS && /usr/bin/logger loaded", LOADS, False),
        ("modprobe -qi x", LOADS, False),
        ("modprobe -ia y x", LOADS, False),
        ("insmod /lib/modules/x.ko.xz a=1", LOADS, False),
        ("insmod /lib/modules/y.ko", KEEPS_OUT, False),
        ("modprobe -n -i x", KEEPS_OUT, False),
        ("modprobe --remove x", KEEPS_OUT, False),
        ("/usr/bin/some-program x", MAY_LOAD, False),
        ("sh -c 'exit 1'", MAY_LOAD, False),
        ("echo `modprobe -i x`", MAY_LOAD, False),
        ("echo $(modprobe -i x)", MAY_LOAD, False),
        ("$LOADER x", MAY_LOAD, False),
        ("modprobe -C /other -i x", MAY_LOAD, False),
        ("modprobe --ignore x", MAY_LOAD, False),
        ("echo 'not closed", MAY_LOAD, False),
    ],
)
def test_what_a_command_does(command: str, loads: str, fails: bool) -> None:
    found = effect(command, "x", lambda path: not path.startswith("/nowhere"))
    assert (found.loads, found.fails) == (loads, fails)


@pytest.mark.parametrize(
    ("command", "asks"),
    [("modprobe x", ("x",)), ("modprobe -a x y", ("x", "y")), ("true; modprobe -q y && modprobe z", ("y", "z"))],
)
def test_what_it_asks_modprobe_for(command: str, asks: tuple[str, ...]) -> None:
    found = effect(command, "x")
    assert (found.loads, found.asks) == (KEEPS_OUT, asks)


def test_without_a_file_system_nothing_is_known_of_programs() -> None:
    assert effect("/nowhere/at-all", "x").loads == MAY_LOAD


@pytest.mark.parametrize(
    "command", ["/bin/false", "exit 1", "exit 0", "exit", ":", "/bin/true", "/nowhere/at-all x 2>/dev/null"]
)
def test_the_shell_agrees_on_the_status(command: str) -> None:
    status = subprocess.run(["/bin/sh", "-c", command], stderr=subprocess.DEVNULL, check=False).returncode
    assert effect(command, "x", lambda path: Path(path).exists()).fails == bool(status)
