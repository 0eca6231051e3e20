"""Scenes that two sets of module tools play one after the other: commands, and what each did."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ringward.cli.links import NAMES

CONFIG = Path("/etc/modprobe.d/ringward-test.conf")
MINE = ("appletalk", "psnap", "llc", "msdos", "vfat", "fat", "loop", "dummy", "nbd", "rw_fail", "rw_param")
"""Modules that the scenes load, users before what they use."""
LIBRARY = re.compile(r"\S+\.c:\d+ \w+\(\) ")
"""Names a place in libkmod's source."""
SECONDS = 120.0


class Step(NamedTuple):
    """One command of a scene and what came of it."""

    command: str
    status: int
    out: str
    err: str
    loaded: dict[str, tuple[str, ...]]


def loaded() -> dict[str, tuple[str, ...]]:
    """Return size, refcount, users and state of each module, as the kernel lists them."""
    lines = [line.split() for line in Path("/proc/modules").read_text().splitlines()]
    return {name: (*rest[:4], *rest[5:]) for name, *rest in lines}


def clean() -> None:
    """Unload all that scenes load."""
    subprocess.run(["losetup", "-D"], check=True)
    CONFIG.unlink(missing_ok=True)
    for name in MINE:
        if name in loaded():
            subprocess.run(["/sbin/rmmod", name], check=True)


def normal(tool: str, text: str) -> str:
    """Return what a tool printed to stderr without the places in libkmod's source.

    What libkmod says once more before the tool does is left out, but for what could not be unloaded; modprobe leaves it
    to libkmod alone. getopt's messages begin with the path by which the tool was called.
    """
    lines = text.replace(f"/sbin/{tool}: ", f"{tool}: ").splitlines(keepends=True)
    if tool == "modprobe":
        return "".join(LIBRARY.sub("", line) for line in lines)
    told = (line for line in lines if " could not remove '" in line or not LIBRARY.search(line))
    return "".join(LIBRARY.sub("", line) for line in told)


def play(scene: Sequence[str], words: dict[str, str], folder: Path | None) -> list[Step]:
    """Return the steps of a scene. Tools are those of `folder`, or of the installed kmod.

    A step is a command, "config LINE ;; LINE" for the configuration, or "hold" and "release" for a user of loop.
    """
    steps = []
    for text in scene:
        command = text.format(**words)
        tool, *rest = shlex.split(command)
        if tool == "config":
            CONFIG.write_text("".join(f"{line}\n" for line in command.partition(" ")[2].split(" ;; ")))
        elif tool == "hold":
            done = subprocess.run(
                ["losetup", "-f", f"{words['dir']}/image"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"losetup: {done.stderr}; {[tuple(step[:4]) for step in steps]}"
        elif tool == "release":
            subprocess.run(["losetup", "-D"], check=True)
        else:
            path = f"{folder or '/sbin'}/{tool}" if tool in NAMES else tool
            done = subprocess.run([path, *rest], capture_output=True, text=True, timeout=SECONDS, check=False)
            name = next((word for word in map(os.path.basename, (tool, *rest)) if word in NAMES), "")
            steps.append(Step(command, done.returncode, done.stdout, normal(name, done.stderr), loaded()))
    return steps


SCENES = {
    "insmod": [
        "insmod {msdos}",
        "insmod {fat}",
        "insmod {fat}",
        "insmod {msdos}",
        "insmod {vfat}",
        "lsmod",
        "rmmod fat",
        "rmmod -f fat",
        "rmmod msdos fat",
        "rmmod vfat fat",
        "rmmod fat",
    ],
    "no module": [
        "insmod {dir}/nothing.ko",
        "insmod {dir}/empty.ko",
        "insmod {dir}/text.ko",
        "insmod {dir}/cut.ko",
        "insmod {dir}",
        "insmod",
        "insmod -",
    ],
    "parameters": [
        "insmod {loop} max_loop=abc",
        "insmod {loop} max_loop=99999999999",
        "insmod {loop} max_loop",
        "insmod {loop} bogus=1",
        "rmmod loop",
        "insmod {loop} max_loop=2 'hw_queue_depth=3 max_part=1'",
        "grep . /sys/module/loop/parameters/max_loop /sys/module/loop/parameters/hw_queue_depth",
        "rmmod {dir}/loop.ko",
        "insmod {loop} 'max_loop=2  ' '' ' max_part=1'",
        "grep . /sys/module/loop/parameters/max_loop /sys/module/loop/parameters/max_part",
        "rmmod loop.ko",
        "modprobe loop max_loop=5 hw_queue_depth=7",
        "grep . /sys/module/loop/parameters/max_loop /sys/module/loop/parameters/hw_queue_depth",
        "rmmod loop",
        "config options loop max_loop=3",
        "modprobe -v loop max_part=2",
        "grep . /sys/module/loop/parameters/max_loop /sys/module/loop/parameters/max_part",
        "modprobe -r loop",
        "insmod {param}",
        "rmmod rw-param",
        "modprobe loop max_loop=abc",
    ],
    "rmmod": [
        "modprobe -a loop dummy vfat",
        "hold",
        "rmmod loop dummy",
        "rmmod nothere vfat",
        "rmmod fat nothere",
        "rmmod -v fat",
        "rmmod 8250",
        "rmmod unix",
        "modprobe dummy",
        "rmmod dum-my dummy dummy",
        "rmmod",
        "rmmod --bogus",
        "rmmod -s loop",
        "release",
        "rmmod loop",
    ],
    "modprobe": [
        "modprobe -v msdos",
        "modprobe msdos",
        "modprobe --first-time msdos",
        "modprobe --first-time unix",
        "modprobe unix",
        "modprobe -n -v vfat",
        "modprobe -nrv msdos",
        "lsmod",
        "modprobe -r fat",
        "modprobe -rq fat",
        "modprobe -rv msdos",
        "modprobe -r msdos",
        "modprobe -r --first-time msdos",
        "modprobe -r nothere",
        "modprobe -r",
        "modprobe nothere",
        "modprobe -a nothere vfat nothere",
        "modprobe -r 8250",
        "modprobe -ra 8250 nothere vfat",
    ],
    "dependencies": [
        "modprobe -v appletalk",
        "modprobe -rv appletalk",
        "modprobe -rv llc",
        "modprobe -a vfat msdos",
        "modprobe -rv msdos vfat",
        "modprobe -rvi vfat",
    ],
    "in use": [
        "modprobe -a loop vfat",
        "hold",
        "modprobe -rv loop vfat",
        "modprobe -rav loop vfat",
        "config softdep dummy post: loop",
        "modprobe dummy",
        "modprobe -rv dummy",
        "config softdep dummy pre: loop",
        "modprobe -rv dummy",
        "config alias foo vfat ;; alias foo loop ;; alias foo msdos",
        "modprobe -v foo",
        "modprobe -rv foo",
        "release",
        "modprobe -rv -w 2000 foo",
    ],
    "softdep": [
        "config softdep loop pre: msdos post: vfat nothere unix",
        "modprobe -v loop",
        "modprobe -nrv loop",
        "modprobe -rv loop",
        "modprobe -v loop",
        "modprobe -rvi loop",
        "modprobe -rv loop",
        "modprobe -rv vfat msdos",
    ],
    "commands": [
        'config remove loop echo "removing $MODPROBE_MODULE $MODPROBE_OPTIONS [$CMDLINE_OPTS]" && /sbin/rmmod loop',
        "modprobe loop",
        "modprobe -rnv loop",
        "modprobe -rv loop",
        "modprobe -rv loop",
        "config remove loop exit 3",
        "modprobe -rq loop",
        "modprobe -rv --first-time loop",
        'config install vfat echo "installing [$CMDLINE_OPTS]"; /sbin/modprobe -i vfat',
        "modprobe -v vfat uid=3",
        "config install vfat exit 1",
        "modprobe -r vfat",
        "modprobe vfat",
        "modprobe -i vfat",
    ],
    "holders": [
        "modprobe msdos",
        "config remove msdos /sbin/rmmod msdos",
        "modprobe -rv --remove-holders fat",
        "config",
        "modprobe -a msdos vfat",
        "modprobe -rv --remove-holders fat",
        "lsmod",
        "modprobe appletalk",
        "modprobe -rv --remove-holders llc",
    ],
    "no right": [
        "modprobe vfat",
        "setpriv --bounding-set=-sys_module {tools}/modprobe -r vfat",
        "setpriv --bounding-set=-sys_module {tools}/rmmod vfat",
        "setpriv --bounding-set=-sys_module {tools}/insmod {loop}",
        "setpriv --bounding-set=-sys_module {tools}/modprobe loop",
        "setpriv --bounding-set=-sys_module {tools}/lsmod",
    ],
}


def differences(scene: Sequence[str], words: dict[str, str], links: Path, *, ordered: bool = True) -> list[str]:
    """Return in what the two tools differ, step by step.

    Args:
        scene: see `play`.
        words: see there.
        links: the folder of Ringward's tools.
        ordered: whether the order of the printed lines counts.

    """
    theirs = play(scene, words | {"tools": "/sbin"}, None)
    clean()
    ours = play(scene, words | {"tools": str(links)}, links)
    assert len(theirs) > 3
    found = []
    for their, our in zip(theirs, ours, strict=True):
        told = [their._asdict(), our._asdict()]
        for one in told:
            del one["command"]  # it names the tool's folder
            one["out"] = one["out"] if ordered else sorted(one["out"].splitlines())
        found += [
            f"{their.command}: {what}: {value!r} is {told[1][what]!r}"
            for what, value in told[0].items()
            if value != told[1][what]
        ]
    return found


FORCED = [
    "modprobe -f loop",
    "rmmod -f loop",
    "insmod -f {loop}",
    "modprobe --force-vermagic loop",
    "rmmod loop",
    "modprobe --force-modversion loop",
    "hold",
    "modprobe -r -f loop",
    "release",
    "modprobe -r -f loop",
    "rmmod -f loop",
]
