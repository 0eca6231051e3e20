from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest import mock

import pytest

from ringward.kmod import execute, load
from ringward.kmod.errors import KmodError
from ringward.kmod.execute import DONE, FAILED, NOT_RUN, PLANNED, Insertion, run_command
from ringward.kmod.load import RefusedError
from tests.kmod.lab import Lab, Loaded


class Kernel:
    """Stands for load.insert: writes down what is loaded, refuses what it is told to."""

    def __init__(self, lab: Lab, refuses: dict[str, Exception] | None = None) -> None:
        self.lab = lab
        self.refuses = refuses or {}
        self.calls: list[tuple[str, str, int, str]] = []

    def insert(self, path: str, options: str = "", flags: int = 0, *, root: str = "", first_time: bool = True) -> bool:
        name = Path(path).stem
        self.calls.append((name, options, flags, root))
        if name in self.refuses:
            raise self.refuses[name]
        assert first_time
        (self.lab.state / name).mkdir()
        (self.lab.state / name / "initstate").write_text("live\n")
        return True


class Run:
    """One insertion into a pretended kernel."""

    def __init__(
        self,
        lab: Lab,
        kernel: Kernel | None = None,
        *,
        root: str = "",
        flags: int = 0,
        dry_run: bool = False,
        first_time: bool = False,
    ) -> None:
        self.kernel = kernel or Kernel(lab)
        self.shown: list[str] = []
        self.warned: list[str] = []
        self.resolver = lab.resolver()
        self.insertion = Insertion(
            self.resolver,
            lab.live(),
            root=root,
            flags=flags,
            dry_run=dry_run,
            first_time=first_time,
            show=lambda step: self.shown.append(step.line() or step.name),
            warn=self.warned.append,
        )

    def load(self, name: str, *words: str, depends: bool = False) -> int:
        (hit,) = self.resolver.lookup(name).hits
        with mock.patch.object(load, "insert", self.kernel.insert):
            return self.insertion.load(hit, name, words, depends=depends)

    @property
    def results(self) -> list[str]:
        return [f"{step.name} {result}" for step, result in self.insertion.results]


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"a": [], "b": ["a"], "c": ["b", "a"], "d": []}, builtin=["own"])
    return found


def test_each_file_is_loaded_with_its_parameters(lab: Lab) -> None:
    lab.configure("options b x=1")
    run = Run(lab, flags=3, root="/image")
    assert run.load("c", "y=a b") == 0
    assert run.kernel.calls == [("a", "", 3, "/image"), ("b", "x=1 ", 3, "/image"), ("c", 'y="a b"', 3, "/image")]
    assert run.results == ["a done", "b done", "c done"]
    assert run.shown[0] == f"insmod {lab.directory}/kernel/a.ko "


def test_what_is_there_already_is_left_alone(lab: Lab) -> None:
    lab.load({"a": Loaded()})
    run = Run(lab)
    assert run.load("b") == 0
    assert run.results == ["a loaded", "b done"]
    assert run.load("b") == 0
    assert run.load("own") == 0
    assert [name for name, *_ in run.kernel.calls] == ["b"]


def test_first_time(lab: Lab) -> None:
    lab.load({"a": Loaded()})
    run = Run(lab, first_time=True)
    assert run.load("a") == errno.EEXIST
    assert run.load("own") == errno.EEXIST
    assert run.load("b") == 0  # of what it needs it does not matter


def test_somebody_else_was_faster(lab: Lab) -> None:
    refused = {"a": RefusedError(errno.EEXIST, "File exists")}
    assert Run(lab, Kernel(lab, refused)).load("b") == 0
    assert Run(lab, Kernel(lab, refused), first_time=True).load("a") == errno.EEXIST


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (RefusedError(errno.ENOEXEC, "Exec format error"), errno.ENOEXEC),
        (FileNotFoundError(errno.ENOENT, "No such file"), errno.ENOENT),
        (KmodError("/a.ko", "cut off", 7), errno.EINVAL),
    ],
)
def test_a_failure_of_what_is_needed_ends_the_chain(lab: Lab, fault: Exception, code: int) -> None:
    run = Run(lab, Kernel(lab, {"a": fault}))
    assert run.load("c") == code
    assert run.results == [f"a {FAILED}"]
    assert run.warned == ([str(fault)] if isinstance(fault, KmodError) else [])


def test_a_failure_of_a_softdep_does_not(lab: Lab) -> None:
    lab.configure("softdep b pre: d")
    run = Run(lab, Kernel(lab, {"d": RefusedError(errno.ENODEV, "No such device")}))
    assert run.load("b") == 0
    assert run.results == ["a done", "d failed", "b done"]


def test_a_dry_run_shows_and_does_nothing(lab: Lab) -> None:
    lab.load({"a": Loaded()})
    lab.configure("install d exit 1")
    run = Run(lab, dry_run=True)
    assert run.load("b") == 0
    assert run.load("d") == 0
    assert run.kernel.calls == []
    assert run.results == ["a loaded", f"b {PLANNED}", f"d {PLANNED}"]
    assert run.shown == [f"insmod {lab.directory}/kernel/b.ko ", "install exit 1 "]
    assert run.load("b", depends=True) == 0
    assert run.results[3:] == [f"a {PLANNED}", f"b {PLANNED}"]


def test_commands_get_name_and_parameters(lab: Lab, tmp_path: Path) -> None:
    out = tmp_path / "out"
    lab.configure(f"install d echo $MODPROBE_MODULE '[$CMDLINE_OPTS]' >> {out}", "options d x=1")
    run = Run(lab)
    assert run.load("d", "y=2") == 0
    assert out.read_text() == "d [x=1 y=2]\n"
    assert run.results == [f"d {DONE}"]


def test_a_failing_command_is_a_failure(lab: Lab) -> None:
    lab.configure("install a exit 3")
    run = Run(lab)
    assert run.load("b") == errno.EINVAL
    assert run.warned == ["Error running install command 'exit 3' for module a: retcode 3"]


def test_commands_are_not_run_for_another_root(lab: Lab, tmp_path: Path) -> None:
    lab.configure(f"install d touch {tmp_path}/touched")
    run = Run(lab, root="/image")
    assert run.load("d") == 0
    assert run.results == [f"d {NOT_RUN}"]
    assert "not run for another root" in run.warned[0]
    assert not (tmp_path / "touched").exists()


def test_an_alias_to_nothing_fails(lab: Lab) -> None:
    lab.configure("alias to nowhere")
    run = Run(lab)
    assert run.load("to") == errno.ENOENT
    assert run.warned == ["could not find module by name='nowhere'"]


def test_what_is_blacklisted_is_no_failure(lab: Lab) -> None:
    lab.configure("alias to d", "blacklist d")
    run = Run(lab)
    assert run.load("to") == 0
    assert run.results == ["d skip"]


def test_run_command_ends_as_system_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_command("exit 7", "m") == 7
    assert run_command("kill -9 $$", "m") == 0  # as modprobe: the exit status of what a signal ended is 0
    assert run_command('test "$MODPROBE_MODULE" = m', "m") == 0
    assert "MODPROBE_MODULE" not in os.environ
    monkeypatch.setenv("MODPROBE_MODULE", "outer")
    assert run_command('test "a b" = "$CMDLINE_OPTS"', "m", "a b") == 0
    assert os.environ["MODPROBE_MODULE"] == "outer"
    monkeypatch.setattr(execute.os, "system", lambda _command: -1)
    with pytest.raises(OSError, match="no shell"):
        run_command("true", "m")
