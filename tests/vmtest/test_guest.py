# SPDX-License-Identifier: Apache-2.0
"""Real guests. Each boot costs about 10 seconds under software emulation."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vmtest import GuestError, build_modules, run_guest
from vmtest.kernels import kernel_names
from vmtest.script import UDEVD

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None,
    reason="qemu-system-x86_64 is not installed (Debian package qemu-system-x86)",
)

PROBE = """
uname -r; pwd; echo "$0 $1"; id -u
echo one >&2; echo two >/dev/stderr
cut -d' ' -f1 /proc/modules >"$VMTEST_RESULTS/modules-at-boot"
modprobe dummy && cp /proc/modules "$VMTEST_RESULTS/modules"
insmod $MODULES/rw_param.ko text=hello
cat /sys/module/rw_param/parameters/text /sys/module/rw_param/version
insmod $MODULES/rw_fail.ko error=17; echo "rw_fail $?"
$PYTHON -c 'import time; print("python", time.time() > 0)'
insmod $MODULES/rw_hang.ko seconds=1 && echo "rw_hang ended"
for i in configfs:/sys/kernel/config debugfs:/sys/kernel/debug tracefs:/sys/kernel/tracing \\
    securityfs:/sys/kernel/security bpf:/sys/fs/bpf cgroup2:/sys/fs/cgroup; do
  grep -q " ${i#*:} ${i%%:*} " /proc/mounts && echo "mounted ${i%%:*}"
done
touch "/tmp/$1" && rm "/tmp/$1" && echo "tmp is writeable"
touch /media/x 2>/dev/null || echo "media is not"
grep -qE '^/dev/root / 9p .*,(cache=|loose)' /proc/mounts && echo "root is cached"
ls /boot/vmlinuz-$(uname -r)
grep -m1 -ow cx16 /proc/cpuinfo >"$VMTEST_RESULTS/cx16"
tr ' ' '\\n' </proc/cmdline | grep -x rw_word=7
sleep 30 & # holds the pipes open
exit 3
"""


def qemus_of(results: Path) -> list[str]:
    """Command lines of the processes that name the results directory, other than our own tool."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "qemu" in words[0] and any(str(results) in word for word in words):
            found.append(" ".join(words)[:200])
    return found


def wait_until(condition: object, seconds: float) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.1)


@pytest.mark.parametrize("kernel", kernel_names())
def test_a_command_in_a_guest(kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODULES", str(build_modules(kernel)))
    monkeypatch.setenv("PYTHON", sys.executable)
    live: list[tuple[float, str, bytes]] = []
    done = run_guest(
        kernel,
        ["sh", "-c", PROBE, "zero", "it's one"],
        append="rw_word=7",
        timeout=240,
        results=tmp_path,
        env=["MODULES", "PYTHON"],
        output=lambda stream, chunk: live.append((time.monotonic(), stream, chunk)),
    )
    assert done.status == 3
    assert done.stdout.splitlines() == [
        done.release,
        str(Path.cwd()),
        "zero it's one",
        "0",
        "hello",
        "1.2.3",
        "rw_fail 1",
        "python True",
        "rw_hang ended",
        *(f"mounted {name}" for name in ("configfs", "debugfs", "tracefs", "securityfs", "bpf", "cgroup2")),
        "tmp is writeable",
        "media is not",
        "root is cached",
        f"/boot/vmlinuz-{done.release}",
        "rw_word=7",
    ]
    assert re.match(rf"{re.escape(kernel)}[.-]", done.release)
    errors = done.stderr.splitlines()
    assert errors[:2] == ["one", "two"]
    assert errors[2].endswith("rw_fail.ko: File exists")
    assert len(errors) == 3
    modules = [line.split()[0] for line in (tmp_path / "modules").read_text().splitlines()]
    assert "dummy" in modules
    at_boot = set((tmp_path / "modules-at-boot").read_text().split())
    assert "overlay" in at_boot
    assert not at_boot & {"psmouse", "evdev", "libata", "i6300esb"}  # what udevd would load
    for stream, text in (("stdout", done.stdout), ("stderr", done.stderr)):
        assert b"".join(chunk for _, name, chunk in live if name == stream).decode() == text
    assert live[-1][0] - live[0][0] > 0.5  # it came while the guest ran
    assert done.accelerator in ("kvm", "tcg")
    assert done.accelerator == "kvm" or (tmp_path / "cx16").read_text() == ""  # vmtest/qemu.py says why
    assert 0 < done.boot_seconds < done.seconds < 240
    assert f"Linux version {done.release}" in (tmp_path / "console.log").read_text(errors="replace")
    assert qemus_of(tmp_path) == []


@pytest.mark.skipif(not Path(UDEVD).exists(), reason=f"{UDEVD} is not installed (Debian package udev)")
def test_udev_loads_modules_for_devices(tmp_path: Path) -> None:
    command = ["sh", "-c", "ls /dev/virtio-ports; cut -d' ' -f1 /proc/modules"]
    done = run_guest("6.12", command, udev=True, timeout=240, results=tmp_path)
    assert done.status == 0
    assert {"virtme.stdout", "i6300esb"} <= set(done.stdout.split())


COUNTED = """
#include <stdio.h>
#include <time.h>

int main(void)
{
	struct timespec from, to;
	long left = 10000000;

	clock_gettime(CLOCK_MONOTONIC, &from);
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left));
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%lld", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec);
	return 0;
}
"""


def test_a_nanosecond_is_an_instruction(tmp_path: Path) -> None:
    program = tmp_path / "counted"
    subprocess.run(["gcc", "-O1", "-x", "c", "-o", program, "-"], input=COUNTED, text=True, check=True)
    done = run_guest("6.12", [str(program)], icount=True, timeout=240, results=tmp_path)
    assert (done.status, done.accelerator) == (0, "tcg")
    # Two instructions a turn; the kernel's own ticks are among them.
    assert 20_000_000 <= int(done.stdout) < 21_000_000


def test_a_command_that_does_not_end(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(GuestError, match=r"the command did not end within 60 s") as caught:
        run_guest("6.12", ["sh", "-c", "echo begun; sleep 1000"], timeout=60, results=tmp_path)
    assert 60 <= time.monotonic() - begin < 200
    assert caught.value.exit_status == 4
    assert caught.value.console_tail
    assert (tmp_path / "stdout").read_text() == "begun\n"
    assert (tmp_path / "console.log").stat().st_size > 0
    assert qemus_of(tmp_path) == []


def test_a_guest_that_panics(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vmtest", "-k", "6.12", "--timeout", "240", "--results", str(tmp_path)]
    crash = ["--", "sh", "-c", "echo begun; sleep 1; echo c >/proc/sysrq-trigger; echo after"]
    done = subprocess.run(command + crash, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (4, "begun\n")
    assert "kernel panicked while the command ran" in done.stderr.splitlines()[-1]
    assert "sysrq triggered crash" in done.stderr.splitlines()[-1]
    assert f"results in {tmp_path}" in done.stderr
    assert qemus_of(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_tool_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "vmtest",
        "-k",
        "6.12",
        "--results",
        str(tmp_path),
        "--",
        "sleep",
        "1000",
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as tool:
        try:
            wait_until(lambda: qemus_of(tmp_path) or tool.poll() is not None, 120)
            assert tool.poll() is None
            time.sleep(1)
            assert len(qemus_of(tmp_path)) == 1
            tool.send_signal(number)
            status = tool.wait(timeout=20)
        finally:
            tool.kill()
    assert status == (-number if number == signal.SIGKILL else 128 + number)
    wait_until(lambda: not qemus_of(tmp_path), 10)
