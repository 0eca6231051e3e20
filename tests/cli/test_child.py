from __future__ import annotations

import signal
import stat
import time
from pathlib import Path

import pytest

from ringward.cli.child import Child, StartError


def run(*argv: str) -> int:
    child = Child(list(argv))
    child.release()
    return child.wait()


@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("kill -SEGV $$", 139)],
)
def test_status_is_that_of_a_shell(script: str, status: int) -> None:
    assert run("sh", "-c", script) == status


def test_nothing_runs_before_it_is_released(tmp_path: Path) -> None:
    made = tmp_path / "made"
    child = Child(["touch", str(made)])
    time.sleep(0.1)
    assert not made.exists()
    assert child.status() is None
    # The pid is the command's later: that is what a sensor is told to follow.
    assert Path(f"/proc/{child.pid}").exists()
    child.release()
    assert child.wait() == 0
    assert made.exists()
    assert child.status() == 0


def test_an_abandoned_child_ends_without_a_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    child = Child(["touch", str(made)])
    child.abandon()
    assert not made.exists()
    assert not Path(f"/proc/{child.pid}").exists()


def test_a_child_whose_parent_is_killed_does_not_run(tmp_path: Path) -> None:
    import subprocess
    import sys

    made = tmp_path / "made"
    script = (
        f"import os\nfrom ringward.cli.child import Child\nChild(['touch', {str(made)!r}])\nos.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    time.sleep(0.2)
    assert not made.exists()


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_what_cannot_run_says_why_with_the_status_of_a_shell(tmp_path: Path) -> None:
    for argv, status, message in (
        (["no-such-program"], 127, "cannot run 'no-such-program': No such file or directory in any folder of PATH"),
        ([str(tmp_path / "none")], 127, "No such file or directory"),
        (
            [script(tmp_path / "interpreter", "#!/no/such/interpreter\n")],
            127,
            "the file is there; the interpreter that it names is not",
        ),
        ([script(tmp_path / "plain", "x", stat.S_IRUSR)], 126, "Permission denied"),
        ([script(tmp_path / "text", "echo\n")], 126, "Exec format error"),
        ([str(tmp_path)], 126, "Permission denied"),
    ):
        child = Child(argv)
        with pytest.raises(StartError, match=message) as raised:
            child.release()
        assert raised.value.status == status
        assert not Path(f"/proc/{child.pid}").exists()


def test_a_signal_is_forwarded_while_it_runs() -> None:
    child = Child(["sleep", "30"])
    child.release()
    child.forward(signal.SIGTERM)
    assert child.wait() == 128 + signal.SIGTERM
    child.forward(signal.SIGTERM)  # it is gone: nothing happens


def ignored(path: Path) -> int:
    (line,) = [line for line in path.read_text().splitlines() if line.startswith("SigIgn")]
    return int(line.split()[1], 16)


def test_the_command_has_the_signals_that_python_ignores(tmp_path: Path) -> None:
    out = tmp_path / "status"
    assert ignored(Path("/proc/self/status")) & 1 << signal.SIGPIPE - 1
    assert run("sh", "-c", f"cat /proc/self/status > {out}") == 0
    assert not ignored(out) & (1 << signal.SIGPIPE - 1 | 1 << signal.SIGINT - 1)


def test_what_the_caller_ignores_stays_ignored(tmp_path: Path) -> None:
    out = tmp_path / "status"
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGINT)}
    try:
        assert run("sh", "-c", f"cat /proc/self/status > {out}") == 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ignored(out) & 1 << signal.SIGHUP - 1
    assert ignored(out) & 1 << signal.SIGINT - 1


def test_no_descriptor_is_left_to_the_command(tmp_path: Path) -> None:
    import subprocess

    out, plain = tmp_path / "fds", tmp_path / "plain"
    assert run("sh", "-c", f"ls /proc/self/fd > {out}") == 0
    subprocess.run(["sh", "-c", f"ls /proc/self/fd > {plain}"], check=True, close_fds=False)
    assert out.read_text() == plain.read_text()
    before = len(list(Path("/proc/self/fd").iterdir()))
    run("true")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
