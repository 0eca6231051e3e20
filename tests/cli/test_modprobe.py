"""Ringward's modprobe beside kmod 34's; tests/kmod/against_kmod asks both about whole kernel trees."""

from __future__ import annotations

import errno
import importlib
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from ringward.cli import modprobe
from ringward.cli.links import make
from ringward.kmod import load
from ringward.kmod.load import RefusedError
from tests.kmod.conftest import kmod_34
from tests.kmod.lab import VERSION, Answer, Lab, Loaded, can_unshare, run_modprobe

needs_namespace = pytest.mark.skipif(not can_unshare(), reason="no mount namespace can be had here")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules(
        {"a-x": [], "b": ["a-x"], "c": ["b", "a-x"], "d": [], "e": ["d"]},
        aliases=[("pci:*", "b"), ("pci:*7", "c")],
        symbols=[("s", "b")],
        builtin=["own"],
    )
    return found


def same(lab: Lab, *words: str, environment: str | None = None) -> Answer:
    """Return the answer that both give."""
    theirs = lab.kmod(kmod_34("modprobe"), *words, environment=environment)
    ours = lab.ringward(*words, environment=environment)
    assert ours == theirs
    return ours


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 1),
        (["-a"], 1),
        (["-r"], 1),
        (["-R"], 1),
        (["--bogus"], 1),
        (["-Z"], 1),
        (["-w", "x", "d"], 1),
        (["-w"], 1),
        (["--all=3"], 1),
        (["-D", "no"], 1),
        (["-qD", "no"], 1),
        (["-D", "-a", "no", "d", "x=1"], 1),
        (["-R", "-a", "b", "no"], 1),
        (["-R", "d", "x=1"], 0),
        (["-R", "-r", "d"], 0),
        (["-D", "--", "d", "-x"], 0),
        (["-D", "d", "", "x", ""], 0),
        (["-D", "d", "-q", "y=a b"], 0),
        (["-D", "own"], 0),
        (["-D", "d["], 1),
        (["-r", "d["], 1),
        (["-r", "own"], 1),
        (["-r", "no", "d"], 1),
        (["-r", "-a", "no", "own"], 1),
        (["--first-time", "own"], 1),
        (["-rn", "--first-time", "d"], 1),
        (["--show-exports", "/no/such"], 1),
        (["--show-modversions", "/dev/null"], 1),
        (["--show-exports", "-a", "/dev/null", "/no"], 1),
    ],
)
def test_answers_and_statuses(lab: Lab, words: list[str], status: int) -> None:
    assert same(lab, *words).status == status


@pytest.mark.parametrize("environment", ["-b", "-n 'x y'", "-D -a d", "c", "-n --", "--bogus", "'unclosed", "-q"])
def test_the_environments_options(lab: Lab, environment: str) -> None:
    lab.configure("blacklist c", "alias c b")
    same(lab, "-D", "c", environment=environment)


def test_commands_run_with_the_same_surroundings(lab: Lab) -> None:
    out = lab.root / "out"
    command = f'd echo "$MODPROBE_MODULE [$CMDLINE_OPTS] $MODPROBE_OPTIONS" >> {out}'
    lab.configure(f"install {command}", f"remove {command}", "options d q=1")
    asked = (["d", "x=1 2", "y"], ["-v", "-s", "d"], ["-r", "d"], ["-q", "-a", "d", "d"])
    for words in asked:
        same(lab, *words)
    lines = out.read_text().splitlines()
    # The first of each pair was kmod's.
    assert len(lines) == 10
    assert [lines[number] for number in (0, 2, 4, 6, 7)] == [lines[number] for number in (1, 3, 5, 8, 9)]
    assert lines[0] == f"d [q=1 x=1 2 y] -C {lab.conf}"
    assert lines[3] == f"d [q=1 ] -C {lab.conf} -v -s"


@pytest.mark.parametrize("words", [["-v", "d"], ["-v", "e"], ["-r", "d"], ["-v", "-r", "-a", "d", "e"], ["-vi", "f"]])
def test_failing_commands(lab: Lab, words: list[str]) -> None:
    lab.configure("install d exit 3", "remove d exit 4", "install f exit 1", "softdep e post: f")
    same(lab, *words)


def test_an_alias_to_nothing(lab: Lab) -> None:
    lab.configure("alias to nowhere", "alias to g", "install g true", "alias last g", "alias last nowhere")
    assert same(lab, "to").status == 0  # that of the last module
    assert same(lab, "last").status == 1


@needs_namespace
def test_states(lab: Lab) -> None:
    lab.load({"a_x": Loaded(["b"]), "b": Loaded(), "d": Loaded(users=1)})
    for words in (
        ["-nv", "c"],
        ["-n", "c"],
        ["-nv", "--first-time", "b"],
        ["-rnv", "b"],
        ["-rnv", "a-x"],
        ["-rnv", "-a", "a-x", "d", "b"],
        ["-rnv", "--remove-holders", "a-x"],
        ["-rnv", "-w", "5", "d"],
        ["-rD", "c"],
    ):
        same(lab, *words)


def test_bad_lines_are_told_and_left_out(lab: Lab) -> None:
    lab.configure("nonsense x", "include other", "alias a[ b", "options d x=1", "options d", " # no comment")
    answer = same(lab, "-D", "d")
    assert answer.stdout.endswith("d.ko x=1 \n")
    assert answer.stderr.count("ignoring bad line starting with") == 4


def test_of_a_line_that_goes_on_the_last_number_is_told(lab: Lab) -> None:
    lab.configure("nonsense x \\", " y", "# c \\", "d", "include a \\", "b", "alias a[ \\", "b \\", "c", "options d \\")
    messages = same(lab, "-D", "d").stderr.splitlines()
    assert [line.split(" line ")[1].split(":")[0] for line in messages if " line " in line] == ["2", "9", "11"]


def test_missing_files_are_told(lab: Lab) -> None:
    (lab.directory / "kernel/b.ko").unlink()
    with mock.patch("tests.kmod.lab.without_library", side_effect=lambda text: text):
        answer = lab.ringward("-D", "c")
    assert answer.stdout == f"insmod {lab.directory}/kernel/c.ko \n"
    lost = f"{lab.directory}/kernel/b.ko"
    assert answer.stderr == f"modprobe: ERROR: c: modules.dep names {lost}, not there: all that it needs is left out\n"
    assert same(lab, "-D", "c").stdout == answer.stdout


def test_a_damaged_index_ends_it(lab: Lab) -> None:
    (lab.directory / "modules.dep.bin").write_bytes(b"damaged" * 9)
    answer = lab.ringward("-D", "d")
    assert (answer.status, answer.stdout) == (1, "")
    assert f"modprobe: FATAL: {lab.directory}/modules.dep.bin: offset 0: not an index" in answer.stderr


def test_a_path_names_a_file(lab: Lab) -> None:
    path = lab.directory / "kernel/c.ko"
    answer = lab.ringward("-D", str(path), "x=1")
    assert [line.rpartition("/")[2] for line in answer.stdout.splitlines()] == ["a-x.ko ", "b.ko ", "c.ko x=1"]
    assert lab.ringward("-D", "/no/such.ko") == Answer(
        1, "", "modprobe: FATAL: Failed to get module from path /no/such.ko: No such file or directory\n"
    )


def test_all_softdeps(lab: Lab) -> None:
    lab.configure("softdep d pre: b", "softdep d pre: c")
    assert "c.ko" not in lab.ringward("-D", "d").stdout
    assert lab.ringward("-D", "--all-softdeps", "d").stdout.count("c.ko") == 1


def test_loading_goes_by_the_flags(lab: Lab) -> None:
    with mock.patch.object(load, "insert") as insert:
        assert lab.ringward("-f", "d", "x=1").status == 0
        assert lab.ringward("--force-vermagic", "d").status == 0
        assert lab.ringward("--force-modversion", "d").status == 0
    path = f"{lab.directory}/kernel/d.ko"
    assert [(call.args, call.kwargs) for call in insert.call_args_list] == [
        ((path, "x=1", 3), {"root": ""}),
        ((path, "", 2), {"root": ""}),
        ((path, "", 1), {"root": ""}),
    ]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (errno.EEXIST, None),
        (errno.ENOENT, "Unknown symbol in module, or unknown parameter (see dmesg)"),
        (errno.EPERM, "Operation not permitted"),
    ],
)
def test_what_the_kernel_says(lab: Lab, code: int, why: str | None) -> None:
    with mock.patch.object(load, "insert", side_effect=RefusedError(code, "")):
        answer = lab.ringward("-v", "e")
        assert answer.status == (1 if why else 0)
        # d, which e needs, has failed; what the user asked for is named.
        assert answer.stderr == (f"modprobe: ERROR: could not insert 'e': {why}\n" if why else "")
        first = lab.ringward("--first-time", "d")
        reason = why or "Module already in kernel"
        assert first.stderr == f"modprobe: ERROR: could not insert 'd': {reason}\n"


def test_below_a_sysroot_nothing_real_is_touched(lab: Lab, tmp_path: Path) -> None:
    lab.configure(f"install d touch {tmp_path}/touched", f"remove d touch {tmp_path}/touched")
    (lab.root / "etc").mkdir()
    (lab.root / "conf").rename(lab.root / "etc/modprobe.d")
    words = ["--sysroot", str(lab.root), "-S", VERSION]
    shown = run_modprobe([*words, "-D", "c"])
    assert shown.stdout.splitlines()[0] == f"insmod /lib/modules/{VERSION}/kernel/a-x.ko "
    answer = run_modprobe([*words, "-v", "e"])
    assert "the install command of d is not run" in answer.stderr or "install" in answer.stdout
    run_modprobe([*words, "-r", "d"])
    assert not (tmp_path / "touched").exists()


def test_modules_that_a_quick_start_does_without(lab: Lab) -> None:
    """The links must start within a few milliseconds: what is slow to import may not come in."""
    argv = lab.arguments(["-D", "c"])
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); before = set(sys.modules)\n"
        "from ringward.cli.modprobe import main; status = main(sys.argv[1:])\n"
        "print(status, *sorted(set(sys.modules) - before), file=sys.stderr)\n"
    )
    parent = Path(modprobe.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code, str(parent), *argv], capture_output=True, text=True, check=True
    )
    status, *names = done.stderr.split()
    assert (status, done.stdout.count("insmod")) == ("0", done.stdout.count("\n"))
    allowed = {"os", "posixpath", "genericpath", "stat", "_stat", "_collections_abc", "errno", "__future__", "os.path"}
    assert {name for name in names if not name.startswith("ringward")} <= allowed
    assert all(importlib.import_module(name) for name in names if name.startswith("ringward"))
    assert len([name for name in names if name.startswith("ringward")]) <= 24


def test_by_the_name_of_a_link(lab: Lab, tmp_path: Path) -> None:
    link = make(str(tmp_path / "links")) / "modprobe"
    done = subprocess.run(
        [link, *lab.arguments(["-D", "c"])], capture_output=True, text=True, check=False, env={"PYTHONPATH": "/no"}
    )
    assert done.stdout == lab.ringward("-D", "c").stdout
    assert (done.returncode, done.stdout.count("\n")) == (0, 3)
    bad = subprocess.run([link, "--bogus"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stderr) == (1, "modprobe: unrecognized option '--bogus'\n")
