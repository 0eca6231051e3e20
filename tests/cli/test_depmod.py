"""The command as a user has it; tests/kmod/against_kmod/test_depmod.py compares it with the installed one."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ringward.cli.tool_options import VERSION_TEXT
from ringward.kmod.tree import Tree
from tests.kmod.depmod.tiny import TEXTS, VERSION, WEAKDEP_HEAD, Answer, TinyTree, run_ours

ORDER = "depmod: WARNING: could not open modules.order at TOP: No such file or directory\n"
BUILTIN = "".join(
    f"depmod: WARNING: could not open {name} at TOP: No such file or directory\n"
    for name in ("modules.builtin", "modules.builtin.modinfo")
)
WRITTEN = {
    *TEXTS,
    "modules.weakdep",
    *(f"modules.{name}.bin" for name in ("dep", "alias", "symbols", "builtin", "builtin.alias")),
}


@pytest.fixture
def tree(tmp_path: Path) -> TinyTree:
    made = TinyTree(tmp_path)
    made.add("kernel/a.ko", exports=[("x", 1)], wants=[("y", 1)], modinfo=["alias=n-1", "weakdep=q"])
    made.add("kernel/b-c.ko.xz", exports=[("y", 1)])
    return made


def ours(tree: TinyTree, *options: str) -> tuple[int, str, str]:
    answer = tree.ours(*options)
    top = str(tree.directory)
    return answer.status, answer.stdout.decode().replace(top, "TOP"), answer.stderr.replace(top, "TOP")


def test_writing(tree: TinyTree) -> None:
    assert ours(tree) == (0, "", ORDER + BUILTIN)
    assert tree.written() == WRITTEN
    found = Tree(str(tree.base), VERSION)
    line = found.dep("a")
    assert line is not None
    assert [Path(path).name for path in (line.path, *line.deps)] == ["a.ko", "b-c.ko.xz"]
    assert (tree.directory / "modules.weakdep").read_bytes() == WEAKDEP_HEAD + b"weakdep a q\n"


def test_printing_writes_nothing(tree: TinyTree) -> None:
    status, stdout, stderr = ours(tree, "-n")
    assert (status, stderr) == (0, ORDER)
    assert tree.written() == set()
    ours(tree)
    names = ["dep", "alias", "softdep", "weakdep", "symbols", "devname"]
    assert stdout == "".join((tree.directory / f"modules.{name}").read_text() for name in names)


def test_listing_needs(tree: TinyTree) -> None:
    assert ours(tree, "-v")[1] == 'TOP/kernel/a.ko needs "y": TOP/kernel/b-c.ko.xz\n'


def test_a_cycle_writes_nothing_unless_asked_to(tree: TinyTree) -> None:
    tree.chain({"d": "e", "e": "d"})
    told = "depmod: ERROR: Cycle detected: d -> e -> d\ndepmod: ERROR: Found 2 modules in dependency cycles!\n"
    assert ours(tree) == (1, "", ORDER + told)
    assert ours(tree, "-n") == (1, "", ORDER + told)
    assert tree.written() == set()
    assert ours(tree, "--keep-going") == (1, "", ORDER + told + BUILTIN)
    assert tree.written() == WRITTEN
    assert "kernel/d.ko: kernel/e.ko\n" in (tree.directory / "modules.dep").read_text()


def test_unresolved_symbols_need_a_list_of_the_kernels(tree: TinyTree) -> None:
    assert ours(tree, "-n", "-e")[2] == "depmod: WARNING: -e needs -E or -F\n" + ORDER
    tree.add("kernel/z.ko", wants=[("gone", 1)])
    symbols = tree.base / "symbols"
    symbols.write_text("0 r __ksymtab_known\n")
    assert (
        "depmod: WARNING: TOP/kernel/z.ko needs unknown symbol gone\n" in ours(tree, "-n", "-e", "-F", str(symbols))[2]
    )


def test_quick(tree: TinyTree) -> None:
    assert ours(tree, "-A")[2].startswith("depmod: ERROR: could not fstatat(TOP, modules.dep): No such file")
    os.utime(tree.directory / "modules.dep", (2_000_000_000, 2_000_000_000))
    before = (tree.directory / "modules.dep").stat()
    assert ours(tree, "-A") == (0, "", "")
    assert json.loads(ours(tree, "-A", "--json")[1])["up_to_date"] is True
    assert (tree.directory / "modules.dep").stat() == before
    os.utime(tree.directory / "kernel/a.ko", (2_000_000_002, 2_000_000_002))
    assert ours(tree, "-A") == (0, "", ORDER + BUILTIN)
    assert (tree.directory / "modules.dep").stat().st_ino != before.st_ino


def test_named_files(tree: TinyTree) -> None:
    answer = tree.ours("-n", files=[str(tree.directory / "kernel/a.ko")])
    assert answer.stdout.startswith(b"kernel/a.ko:\n# Aliases")
    answer = tree.ours("-n", files=["kernel/a.ko"])
    assert (answer.status, answer.stderr) == (1, "depmod: FATAL: kernel/a.ko: not absolute path.\n")


def test_another_module_directory_and_another_place_to_write(tmp_path: Path) -> None:
    made = TinyTree(tmp_path)
    made.add("a.ko")
    moved = tmp_path / "usr/lib/modules"
    moved.parent.mkdir(parents=True)
    (tmp_path / "lib/modules").rename(moved)
    for number, moduledir in enumerate(("/usr/lib/modules", "usr/lib/modules")):
        argv = ["-b", str(tmp_path), "-m", moduledir, "-o", f"{tmp_path}/out/{number}", VERSION]
        assert run_ours(argv).status == 0
        assert (tmp_path / f"out/{number}/usr/lib/modules/{VERSION}/modules.dep").read_text() == "a.ko:\n"
    assert [file.name for file in (moved / VERSION).iterdir()] == ["a.ko"]


def test_a_sysroot_holds_everything(tmp_path: Path) -> None:
    made = TinyTree(tmp_path / "image/b")
    made.add("kernel/a.ko", wants=[("gone", 1)])
    made.add("kernel/out.ko").unlink()
    (made.directory / "kernel/out.ko").symlink_to("/outside.ko")
    (tmp_path / "image/outside.ko").write_bytes((made.directory / "kernel/a.ko").read_bytes())
    (tmp_path / "image/symvers").write_text("")
    conf = tmp_path / "image/etc/depmod.d/x.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("exclude a.ko\nexternal * /more\nnonsense\n")
    (tmp_path / "image/more").mkdir()
    (tmp_path / "image/more/m.ko").write_bytes((made.directory / "kernel/a.ko").read_bytes())
    answer = run_ours(["--sysroot", str(tmp_path / "image"), "-b", "b", "-e", "-E", "/symvers", VERSION])
    assert answer.status == 0
    assert str(tmp_path) not in answer.stderr
    assert (
        answer.stderr.splitlines()[0]
        == "depmod: ERROR: /etc/depmod.d/x.conf:3: ignoring bad line starting with 'nonsense'"
    )
    assert f"depmod: WARNING: /b/lib/modules/{VERSION}/kernel/out.ko needs unknown symbol gone" in answer.stderr
    assert sorted((made.directory / "modules.dep").read_text().splitlines()) == ["/more/m.ko:", "kernel/out.ko:"]


def test_json(tree: TinyTree) -> None:
    tree.add("updates/a.ko")
    answer = tree.ours("--json", "-v")
    found = json.loads(answer.stdout)
    assert {module["name"]: module["needs"] for module in found["modules"]} == {"a": [], "b_c": []}
    assert [(each["name"], each["why"]) for each in found["duplicates"]] == [("a", "search updates")]
    assert set(found["written"]) == WRITTEN
    found = json.loads(tree.ours("--json", "-n").stdout)
    assert found["written"] == []


def test_wrong_calls(tree: TinyTree) -> None:
    assert run_ours(["--bogus"]) == Answer(1, b"", "depmod: unrecognized option '--bogus'\n")
    assert run_ours(["-P", "xx"]) == Answer(1, b"", "depmod: FATAL: -P only takes a single char\n")
    assert run_ours(["nine"]) == Answer(1, b"", "depmod: ERROR: Bad version passed nine\n")
    answer = run_ours(["-b", str(tree.base), "9.9"])
    place = f"{tree.base}/lib/modules/9.9"
    assert answer == Answer(
        1,
        b"",
        f"depmod: ERROR: could not open directory {place}: No such file or directory\n"
        "depmod: FATAL: could not search modules: No such file or directory\n",
    )
    assert ours(tree, "-E", "/none") == (1, "", "depmod: FATAL: could not load /none: No such file or directory\n")
    assert ours(tree, "-n", "-u") == (1, "", "depmod: invalid option -- 'u'\n")


def test_a_configuration_that_is_not_there_is_told(tree: TinyTree) -> None:
    assert ours(tree, "-n", "-C", "/none")[2].startswith("depmod: WARNING: /none: ")


def test_help_and_version() -> None:
    assert run_ours(["-V"]) == Answer(0, VERSION_TEXT.encode(), "")
    assert run_ours(["-h"]).stdout.startswith(b"usage: depmod")


def test_the_collector_of_garbage_runs_again(tree: TinyTree) -> None:
    assert gc.isenabled()
    tree.ours("-n")
    assert gc.isenabled()


def test_as_a_command(tree: TinyTree) -> None:
    command = [sys.executable, "-m", "ringward", "depmod", "-n", "-b", str(tree.base), VERSION]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, tree.ours("-n").stdout)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_nothing_half_written(tree: TinyTree, number: signal.Signals) -> None:
    """The process stops where it brings its first file to the disk, and is ended there."""
    code = (
        "import os, sys, time\n"
        "os.fsync = lambda fd: (print('here', flush=True), time.sleep(60))\n"
        "from ringward.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "depmod", *tree.arguments([])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        assert len(tree.written()) == len(WRITTEN)
        assert not tree.written() & WRITTEN
        time.sleep(0.05)
        process.send_signal(number)
        status = process.wait(30)
    assert status in {128 + number, -number}
    assert tree.written() == set()
