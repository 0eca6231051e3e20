"""fapolicyd, in a guest alone: it asks for fanotify's permission marks, and a machine waits for it at every open.

It is unpacked, never installed: its package would start it.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.row import CannotMeasureError

VERSION = "1.1.7"
PACKAGES = ("fapolicyd", "liblmdb0")
_CONFIG = """\
permissive = 1
nice_val = 14
q_size = 640
uid = root
gid = root
do_stat_report = 1
detailed_report = 0
db_max_size = 50
subj_cache_size = 1549
obj_cache_size = 8191
watch_fs = tmpfs
trust = file
integrity = sha256
syslog_format = rule,dec,perm,auid,pid,exe,:,path,ftype,trust
rpm_sha256_only = 0
allow_filesystem_mark = 0
"""
_RULES = "deny_audit perm=execute all : trust=0\nallow perm=open all : all\nallow perm=any all : trust=1\n"
_REPORT = Path("/var/log/fapolicyd-access.log")
_SECONDS = 60


def unpack(folder: Path) -> None:
    """Fetch Debian's packages, and unpack them into a folder.

    Raises:
        CannotMeasureError: apt has not got them.

    """
    folder.mkdir()
    done = subprocess.run(["apt-get", "download", *PACKAGES], cwd=folder, check=False, capture_output=True, text=True)
    packages = list(folder.glob("*.deb"))
    if done.returncode or len(packages) != len(PACKAGES):
        raise CannotMeasureError(f"apt has no {' and '.join(PACKAGES)}: {done.stderr.strip()[-200:]}")
    if not any(package.name.startswith(f"fapolicyd_{VERSION}") for package in packages):
        raise CannotMeasureError(f"apt has another fapolicyd than {VERSION}: {', '.join(one.name for one in packages)}")
    for package in packages:
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        package.unlink()


def install(unpacked: Path, trusted: list[Path]) -> None:
    """Bring it into the guest's own system, with files that it trusts."""
    for top in unpacked.iterdir():
        subprocess.run(["cp", "-r", f"{top}/.", f"/{top.name}"], check=True)
    subprocess.run(["ldconfig"], check=True)
    folder = Path("/etc/fapolicyd")
    (folder / "fapolicyd.conf").write_text(_CONFIG)
    (folder / "fapolicyd.rules").write_text(_RULES)
    lines = [f"{path} {path.stat().st_size} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in trusted]
    (folder / "fapolicyd.trust").write_text("".join(lines))
    for needed in ("/var/lib/fapolicyd", "/run/fapolicyd"):
        Path(needed).mkdir(parents=True, exist_ok=True)


def _marks(pid: int, mount: str) -> bool:
    """Return whether a process has a fanotify mark on a mount, by its number (proc(5): /proc/PID/fdinfo)."""
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(OSError):  # a file that it has closed meanwhile
            if f"fanotify mnt_id:{mount} " in info.read_text():
                return True
    return False


def _mount_of(folder: Path) -> str:
    """Return the number of a mount as fdinfo has it."""
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    (number,) = (words[0] for words in lines if words[4] == str(folder))
    return f"{int(number):x}"


@contextmanager
def running(folder: Path, watched: Path) -> Iterator[None]:
    """Run it in permissive mode, from its mark on a mount to its end.

    Args:
        folder: for what it says.
        watched: where a tmpfs is mounted; below /run it watches none.

    Raises:
        RuntimeError: it does not come up, or does not end.

    """
    _REPORT.unlink(missing_ok=True)
    err = folder / "fapolicyd.err"
    with err.open("wb") as stream:
        # It stays in the foreground with --debug-deny alone; nothing is denied, so that it prints nothing more.
        process = subprocess.Popen(["fapolicyd", "--permissive", "--debug-deny"], stdout=stream, stderr=stream)
    try:
        end, mount = time.monotonic() + _SECONDS, _mount_of(watched)
        while not _marks(process.pid, mount):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"fapolicyd was waited for in vain: {err.read_text()[-500:]}")
            time.sleep(0.1)
        time.sleep(1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()


def decided() -> tuple[int, int]:
    """Return how many accesses it has allowed and denied, by its own report."""
    text = _REPORT.read_text()
    allowed, denied = (re.search(rf"^{word} accesses:\s+(\d+)", text, re.MULTILINE) for word in ("Allowed", "Denied"))
    if not allowed or not denied:
        raise RuntimeError(f"fapolicyd's report has no counts: {text[-500:]}")
    return int(allowed[1]), int(denied[1])
