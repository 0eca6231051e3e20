from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringward.cli.links import make
from ringward.cli.lsmod import main
from tests.cli.kmod_oracle import State, needs_namespace

MODULES = {
    "vfat": (24576, 0, []),
    "fat": (102400, 1, ["vfat", "msdos"]),
    "msdos": (16384, 0, []),
    "a_module_with_a_very_long_name": (1234567890, 12, ["x"]),
}


@needs_namespace
def test_as_the_installed_kmod_prints_it(tmp_path: Path) -> None:
    theirs, ours = State(tmp_path, MODULES).both("lsmod")
    assert ours == theirs
    assert ours.stdout.count("\n") == 5


NAMES = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=30)
STATES = st.dictionaries(
    NAMES, st.tuples(st.integers(0, 1 << 40), st.integers(0, 99), st.lists(NAMES, unique=True, max_size=4)), max_size=6
)


@needs_namespace
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(modules=STATES)
def test_any_state_as_the_installed_kmod_prints_it(
    tmp_path_factory: pytest.TempPathFactory, modules: dict[str, tuple[int, int, list[str]]]
) -> None:
    theirs, ours = State(tmp_path_factory.mktemp("state"), modules).both("lsmod")
    assert ours == theirs


def test_json_fits_the_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    State(tmp_path, MODULES)
    assert main(["--json", "--sysroot", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["--sysroot", str(tmp_path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [[one["name"], str(one["size"]), str(one["refcount"])] for one in told["modules"]] == [x[:3] for x in lines]
    assert [",".join(one["holders"]) for one in told["modules"]] == ["".join(x[3:]) for x in lines]


def test_verbose_tells_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("fat 4096 - - Live 0xffffffffc04ff000 (OE)\n")
    assert main(["-v", "--sysroot", str(tmp_path)]) == 0
    assert (
        capsys.readouterr().out.splitlines()[1]
        == "fat                     4096  -  [live, 0xffffffffc04ff000, taint OE]"
    )


def test_without_module_support_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringward.kmod.proc.inside", lambda _root, path: f"/nonexistent{path}")
    assert main([]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("lsmod: ERROR: could not get list of modules: /proc/modules: No such file or directory")
    assert "CONFIG_MODULES" in told.err


def test_a_root_where_nothing_was_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sysroot", str(tmp_path)]) == 1
    assert f"nothing was ever loaded in {tmp_path}" in capsys.readouterr().err


def test_a_malformed_list_is_no_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/modules").write_text("fat 4096\n")
    assert main(["--sysroot", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert (told.out, f"{tmp_path}/proc/modules: line 1: " in told.err) == ("", True)


@pytest.mark.parametrize("argv", [["x"], ["--bogus"], ["-z"], ["--sysroot"]])
def test_usage_faults_exit_with_1_as_those_of_kmod(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 1
    assert capsys.readouterr().err.startswith("lsmod: ")


def cpu_of(*argv: str) -> float:
    """Return the CPU seconds of a process: of 15 runs the quickest five; the machine may be busy."""
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_utime + used.ru_stime)"
    )
    times = []
    for _ in range(15):
        out = subprocess.run([sys.executable, "-c", script, *argv], check=True, capture_output=True, text=True).stdout
        times.append(float(out))
    return statistics.mean(sorted(times)[:5])


def test_it_takes_at_most_two_and_a_half_times_an_empty_python(tmp_path: Path) -> None:
    State(tmp_path / "state", {f"module_{n}": (16384, n % 3, ["x", "y"][: n % 3]) for n in range(150)})
    link = make(str(tmp_path / "links")) / "lsmod"
    spent = cpu_of(str(link), "--sysroot", str(tmp_path / "state"))
    assert spent <= 2.5 * cpu_of(sys.executable, "-c", "pass")


def test_it_imports_nothing_large(tmp_path: Path) -> None:
    State(tmp_path, MODULES)
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); before = set(sys.modules)\n"
        "from ringward.cli.lsmod import main\n"
        "main(sys.argv[1:]); print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    source = str(Path(main.__code__.co_filename).parents[2])
    argv = [sys.executable, "-IS", "-c", script, source, "--sysroot", str(tmp_path)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    heavy = {"re", "dataclasses", "typing", "enum", "pathlib", "argparse", "json", "collections", "ctypes", "functools"}
    assert not heavy & set(done.stderr.split())
    assert "ringward.kmod.proc" in done.stderr.split()
