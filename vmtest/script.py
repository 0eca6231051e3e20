# SPDX-License-Identifier: Apache-2.0
"""The shell script that a guest runs: mounts, the command, its output and status. Pure."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from vmtest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DRAIN_SECONDS = 5

_GUEST_SCRIPT = """\
# Run by the guest's init. Files below $vm are how the host follows it.
results={results}
vm=$results/vm
say() {{ printf '%s\\n' "$2" >"$vm/$1.part" && mv "$vm/$1.part" "$vm/$1"; }}
mnt() {{ mountpoint -q "$2" || {{ [ -d "$2" ] && mount -t "$1" "$1" "$2"; }}; }} 2>/dev/null
export PATH={path}
say started "$(cut -d' ' -f1 /proc/uptime)"
[ -d /sys/kernel/config ] || modprobe -q configfs
mnt configfs /sys/kernel/config
mnt debugfs /sys/kernel/debug
mnt tracefs /sys/kernel/tracing
mnt securityfs /sys/kernel/security
mnt bpf /sys/fs/bpf
mnt cgroup2 /sys/fs/cgroup
[ -d "/lib/modules/$(uname -r)" ] || say problem "/lib/modules/$(uname -r) is not there"
cd {cwd} || say problem "the working directory cannot be entered in the guest: "{cwd}
[ -e "$vm/problem" ] && exit
# Pipes, not files: a command that opens /dev/stderr again must not cut off what is there.
mkfifo -m 666 /run/vmtest.out /run/vmtest.err
cat </run/vmtest.out >"$results/stdout" & out=$!
cat </run/vmtest.err >"$results/stderr" & err=$!
env -i {environment} {command} </dev/null >/run/vmtest.out 2>/run/vmtest.err
status=$?
# A process that the command left behind may hold the pipes open for ever.
(sleep {drain}; kill $out $err) 2>/dev/null &
wait $out $err
sync
say status $status
sleep 60  # the host ends the machine
"""


def guest_environment(environ: Mapping[str, str], names: Sequence[str], results: Path) -> dict[str, str]:
    """PATH, VIRTUAL_ENV, HOME and VMTEST_RESULTS, and the named variables as far as they are set."""
    kept = {name: environ[name] for name in ("VIRTUAL_ENV", *names) if name in environ}
    path = environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "VMTEST_RESULTS": str(results), **kept}


def guest_script(command: Sequence[str], results: Path, cwd: Path, environment: Mapping[str, str]) -> str:
    """Return the script that prepares the guest, runs the command, leaves its status. Raises UsageError."""
    if not command or "\0" in "".join(command):
        raise UsageError("give a command to run in the guest, without NUL characters")
    if "=" in command[0]:  # env(1) would take it for a variable
        raise UsageError(f"the command {command[0]!r} has a = in its name: start it through sh -c")
    return _GUEST_SCRIPT.format(
        results=shlex.quote(str(results)),
        path=shlex.quote(environment["PATH"]),
        cwd=shlex.quote(str(cwd)),
        environment=" ".join(shlex.quote(f"{name}={value}") for name, value in environment.items()),
        command=shlex.join(command),
        drain=DRAIN_SECONDS,
    )
