"""``ringward watch`` as a user starts it, over this machine's kernel."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the kernel lets nobody else load eBPF programs")
RINGWARD = [sys.executable, "-m", "ringward"]
CREATE_MODULE = "import ctypes; ctypes.CDLL(None).syscall(174, b'front-end', 64)"


def watch(*argv: str, **given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RINGWARD, "watch", *argv], capture_output=True, text=True, check=False, **given)  # type: ignore[call-overload, no-any-return]


def test_a_command_that_makes_a_module_call() -> None:
    done = watch(
        "-q",
        "-e",
        "create_module",
        "--template",
        "{args.name} {args.code} {error} {process.comm}",
        "--",
        sys.executable,
        "-c",
        CREATE_MODULE,
    )
    assert done.returncode == 0
    assert (
        done.stderr.splitlines() == ["front-end 0x40 ENOSYS python3"] or "front-end 0x40 ENOSYS python" in done.stderr
    )


def test_only_what_the_command_causes_is_shown() -> None:
    other = subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"])
    try:
        done = watch("-q", "--json", "-e", "process_exec", "--", "sh", "-c", "/bin/true; /bin/true; exit 3")
    finally:
        other.kill()
        other.wait()
    events = [json.loads(line) for line in done.stderr.splitlines()]
    execs = [one for one in events if one["event"] == "process_exec"]
    assert done.returncode == 3
    assert [one["args"]["args"][0] for one in execs] == ["sh", "/bin/true", "/bin/true"]


def test_every_line_is_of_the_published_schema() -> None:
    import jsonschema

    from ringward.output import schema

    done = watch("-q", "--json", "--", sys.executable, "-c", f"{CREATE_MODULE}; import os; os.system('true')")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"create_module", "process_exec", "process_exit", "sensor_status"} <= {line["event"] for line in lines}
    validator = jsonschema.Draft202012Validator(schema.schema())
    for line in lines:
        validator.validate(line)


def test_what_is_recorded_is_what_was_shown(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = watch("-q", "--json", "--record", str(kept), "--", "true")
    again = subprocess.run([*RINGWARD, "replay", "-q", str(kept)], capture_output=True, text=True, check=True)
    assert again.stdout == done.stderr


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *argv: str, columns: int = 80) -> None:
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8"}
        environment.pop("COLUMNS", None)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            argv, stdin=follower, stdout=follower, stderr=follower, start_new_session=True, env=environment
        )
        os.close(follower)
        self.text = ""

    def until(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        end = time.monotonic() + seconds
        os.set_blocking(self.leader, False)
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < end, self.text[-2000:]
            try:
                self.text += os.read(self.leader, 65536).decode()
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:  # the other side is closed
                found = re.search(pattern, self.text)
                assert found, self.text[-2000:]
                return found
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.leader)


def test_on_a_terminal_there_is_a_first_screen_and_a_table_and_ctrl_c_sums_up() -> None:
    terminal = Terminal(*RINGWARD, "watch", "--arg", "name=front-end")
    try:
        command = "modprobe dummy" if Path("/proc/modules").exists() else "true"
        terminal.until(f"waiting; try: ringward watch -- {command}\\b")
        terminal.until("TIME +PID PROGRAM +EVENT +SUBJECT +RESULT +SHA-256 +CAUSE")
        subprocess.run([sys.executable, "-c", CREATE_MODULE], check=True)
        terminal.until("create_module.*front-end.*ENOSYS")
        terminal.process.send_signal(signal.SIGINT)
        terminal.until(r"\d+ events? shown.*, \d+ filtered, 0 lost")
        assert terminal.process.wait(10) == 0
        plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.text)
        assert "\x1b" not in plain
        assert all(len(line) <= 80 for line in plain.splitlines())
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_after_any_end_no_program_is_left_in_the_kernel(number: int) -> None:
    from ringward.sensor import _native

    assert _native  # the ids below are those that the kernel gave to its programs
    running = subprocess.Popen([*RINGWARD, "watch", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert running.stdout
    assert running.stdout.readline()
    mine = [line for line in held(running.pid) if "bpf-prog" in line or "bpf_link" in line or "bpf-link" in line]
    assert mine
    running.send_signal(number)
    running.stdout.read()
    assert running.wait(20) == (0 if number == signal.SIGTERM else -number)
    # Programs and links were held by these descriptors alone: nothing is pinned.
    assert not pinned()


def held(pid: int) -> list[str]:
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(fd.readlink()))
        except FileNotFoundError:
            continue
    return found


def pinned() -> list[str]:
    bpffs = Path("/sys/fs/bpf")
    return [str(path) for path in bpffs.rglob("*ringward*")] if bpffs.is_dir() else []


def test_without_the_privilege_it_says_what_is_missing_and_where_to_see_more() -> None:
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run([*drop, *RINGWARD, "watch", "--duration", "0.2"], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    told, _summary = done.stderr.splitlines()
    assert told == (
        "ringward watch: degraded: no eBPF: CAP_BPF and CAP_PERFMON are missing: Operation not permitted (EPERM);"
        " only module_load and module_free are left, by uevents; see: ringward doctor, or try: ringward replay"
    )
    done = subprocess.run(
        [*drop, *RINGWARD, "watch", "programs", "--duration", "0.2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
