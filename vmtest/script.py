# SPDX-License-Identifier: Apache-2.0
"""The guest's first process: a shell script that mounts, runs the command, leaves output and status. Pure.

It stands in for virtme's own init, which starts whatever the host has installed (udevd, systemd-tmpfiles): the
boot would take twice the time, and which modules are loaded would depend on the machine.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from vmtest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DRAIN_SECONDS = 2
UDEVD = "/usr/lib/systemd/systemd-udevd"

_INIT = """\
#!{busybox} sh
# Made by vmtest for one guest. What `say` leaves below $vm is how the host follows it.
# Busybox does most of it without starting a program: each start costs 0.1 s in an emulated guest.
results={results}
vm=$results/vm
export PATH={path}
say() {{ printf '%s\\n' "$2" >"$vm/$1.part" && mv "$vm/$1.part" "$vm/$1"; }}
mnt() {{ mountpoint -q "$2" || mount -t "$1" "$1" "$2"; }}

# Busybox finds itself through /proc, so the first one needs its full name.
{busybox} mount -t proc -o nosuid,noexec,nodev proc /proc
mount -t sysfs -o nosuid,noexec,nodev sys /sys
mount -t tmpfs -o mode=0755 run /run
mnt devtmpfs /dev
mkdir -p /dev/pts /dev/shm /run/lock
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
for i in 0:stdin 1:stdout 2:stderr; do [ -e "/dev/${{i#*:}}" ] || ln -s "fd/${{i%%:*}}" "/dev/${{i#*:}}"; done
for top in {overlays}; do
  mkdir -p "/run/overlay$top/upper" "/run/overlay$top/work"
  layers=lowerdir=$top,upperdir=/run/overlay$top/upper,workdir=/run/overlay$top/work
  mount -t overlay -o "xino=off,$layers" overlay "$top"
done
mkdir -p "$results"
mount -t 9p -o version=9p2000.L,trans=virtio,access=any,msize=524288 {tag} "$results"
say started "$(cut -d' ' -f1 /proc/uptime)"

mkdir -p /lib/modules
mount -t tmpfs -o mode=0755 modules /lib/modules
ln -s {modules} "/lib/modules/$(uname -r)"
mount --bind {boot} /boot
[ -e "/lib/modules/$(uname -r)/modules.dep" ] || say problem "there is no /lib/modules/$(uname -r)"
/sbin/modprobe -q configfs
for i in configfs:config debugfs:debug tracefs:tracing securityfs:security; do
  [ -d "/sys/kernel/${{i#*:}}" ] && mnt "${{i%%:*}}" "/sys/kernel/${{i#*:}}"
done
[ -d /sys/fs/bpf ] && mnt bpf /sys/fs/bpf
[ -d /sys/fs/cgroup ] && mnt cgroup2 /sys/fs/cgroup
echo vmtest >/proc/sys/kernel/hostname
ip link set dev lo up
{udev}
cd {cwd} || say problem "the working directory cannot be entered: "{cwd}
[ -e "$vm/problem" ] && sleep 60

run() {{
  # Pipes, not files: a command that opens /dev/stderr again must not cut off what is there.
  mkfifo -m 666 /run/vmtest.out /run/vmtest.err
  cat </run/vmtest.out >"$results/stdout" & out=$!
  cat </run/vmtest.err >"$results/stderr" & err=$!
  # By their full names, or busybox would run its own programs in the place of the command.
  # A shell has what it runs beside itself ignore SIGINT and SIGQUIT: the command is to have them as anywhere else.
  /usr/bin/setsid /usr/bin/env -i --default-signal=INT,QUIT {environment} {command} \
    </dev/null >/run/vmtest.out 2>/run/vmtest.err
  status=$?
  # A process that the command left behind may hold the pipes open for ever.
  (sleep {drain}; kill $out $err) 2>/dev/null &
  wait $out $err
  sync
  say status $status
}}
# The command may have this process become another first one: systemd, say.
trap 'exec /run/vmtest.init' USR1
run &
wait $!
sleep 60 # the host ends the machine
"""

_UDEV = f"""\
{UDEVD} --daemon
udevadm trigger --type=subsystems --action=add
udevadm trigger --type=devices --action=add
udevadm settle --timeout=120 || say problem "udev did not settle within 120 s"
"""


def guest_environment(environ: Mapping[str, str], names: Sequence[str], results: Path) -> dict[str, str]:
    """PATH, VIRTUAL_ENV, HOME and VMTEST_RESULTS, and the named variables as far as they are set."""
    kept = {name: environ[name] for name in ("VIRTUAL_ENV", *names) if name in environ}
    path = environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": "/root", "VMTEST_RESULTS": str(results), **kept}


def init_script(
    command: Sequence[str],
    *,
    busybox: str,
    results: Path,
    tag: str,
    modules: Path,
    boot: Path,
    overlays: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    udev: bool,
) -> str:
    """Return the script. Raises UsageError for a command that cannot be run.

    `busybox` is the path of the static one, `tag` the 9p mount tag of the results directory, `modules` the
    host's directory for /lib/modules/<release>, `boot` that for /boot, `overlays` are the folders to make writeable.
    """
    if not command or "\0" in "".join(command):
        raise UsageError("give a command to run in the guest, without NUL characters")
    if "=" in command[0]:  # env(1) would take it for a variable
        raise UsageError(f"the command {command[0]!r} has a = in its name: start it through sh -c")
    return _INIT.format(
        busybox=busybox,
        results=shlex.quote(str(results)),
        tag=shlex.quote(tag),
        path=shlex.quote(environment["PATH"]),
        overlays=shlex.join(overlays),
        modules=shlex.quote(str(modules)),
        boot=shlex.quote(str(boot)),
        cwd=shlex.quote(str(cwd)),
        environment=" ".join(shlex.quote(f"{name}={value}") for name, value in environment.items()),
        command=shlex.join(command),
        drain=DRAIN_SECONDS,
        udev=_UDEV if udev else "",
    )
