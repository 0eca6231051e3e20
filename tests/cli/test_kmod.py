from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ringward.cli import kmod
from ringward.cli.kmod import main
from tests.cli.kmod_oracle import State, needs_namespace, ringward
from tests.kmod.conftest import kmod_34

DEVNAME = "# made by depmod\nfuse fuse c10:229\nsnd_timer snd/timer c116:33\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "lib/modules/1.0"
    folder.mkdir(parents=True)
    (folder / "modules.devname").write_text(DEVNAME)
    return tmp_path


def nodes(root: Path, *words: str) -> int:
    return main(["static-nodes", "--sysroot", str(root), "--set-version", "1.0", *words])


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["bogus"],
        ["--bogus"],
        ["help", "x"],
        ["--help"],
        ["static-nodes", "--bogus"],
        ["static-nodes", "-f", "x"],
        ["static-nodes", "-f"],
        ["stat"],
        ["rmmod", "x"],
    ],
)
def test_faults_as_kmod_has_them(words: list[str]) -> None:
    """The same status and message; the help that follows is Ringward's own."""
    theirs, ours = (
        subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        for command in ([kmod_34("kmod")], ringward("kmod"))
    )
    assert ours.returncode == theirs.returncode
    assert ours.stderr == theirs.stderr
    assert bool(ours.stdout) == bool(theirs.stdout)


@needs_namespace
def test_list_is_lsmod(tmp_path: Path) -> None:
    theirs, ours = State(tmp_path, {"fat": (4096, 0, ["vfat"])}).both("kmod", "list")
    assert ours == theirs
    assert "fat" in ours.stdout


def test_options_end_at_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["static-nodes", "-h"]) == 0
    assert capsys.readouterr().out == kmod.NODES_USAGE
    assert main(["-h", "static-nodes"]) == 0
    assert capsys.readouterr().out == kmod.USAGE


def test_nodes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nodes(root) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["Module: fuse", "\tDevice node: /dev/fuse"]
    assert nodes(root, "-f", "tmpfiles") == 0
    assert capsys.readouterr().out.splitlines() == [
        "c! /dev/fuse 0600 - - - 10:229",
        "d /dev/snd 0755 - - -",
        "c! /dev/snd/timer 0600 - - - 116:33",
    ]
    assert nodes(root, "-f", "human", "--format=devname") == 0
    assert capsys.readouterr().out == DEVNAME.partition("\n")[2]


def test_nodes_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nodes(root, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "v": 1,
        "tool": "static-nodes",
        "nodes": [
            {"module": "fuse", "device": "/dev/fuse", "type": "c", "major": 10, "minor": 229},
            {"module": "snd_timer", "device": "/dev/snd/timer", "type": "c", "major": 116, "minor": 33},
        ],
    }


def test_nodes_into_a_file(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = root / "run/tmpfiles.d/nodes.conf"
    assert nodes(root, "-f", "tmpfiles", "-o", "/run/tmpfiles.d/nodes.conf") == 0
    assert target.read_text().startswith("c! /dev/fuse ")
    assert [path.name for path in target.parent.iterdir()] == ["nodes.conf"]
    assert nodes(root, "-o", "/run") == 1
    assert "Error: could not create /run - Is a directory" in capsys.readouterr().err
    assert nodes(root, "-o", "/run/tmpfiles.d/nodes.conf/x") == 1


def test_nodes_into_a_pipe(root: Path) -> None:
    os.mkfifo(root / "pipe")
    reader = os.open(root / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert nodes(root, "-f", "tmpfiles", "-o", "/pipe") == 0
    assert os.read(reader, 4096).startswith(b"c! /dev/fuse ")
    os.close(reader)


def test_what_is_no_node_is_told_and_the_rest_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "lib/modules/1.0/modules.devname").write_text("bad\nfuse fuse c10:229\n")
    assert nodes(root, "-f", "devname") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("fuse fuse c10:229\n", "Error: invalid devname entry: bad\n")


def test_a_kernel_without_nodes_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert nodes(tmp_path) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "Warning: /lib/modules/1.0/modules.devname not found - ignoring\n")


def test_what_cannot_be_read_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib/modules/1.0/modules.devname").mkdir(parents=True)
    assert nodes(tmp_path) == 1
    assert "Error: could not read /lib/modules/1.0/modules.devname: Is a directory" in capsys.readouterr().err


def test_links_are_made_where_one_wants_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["links", str(tmp_path / "a/b")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/a/b\n"
    assert (tmp_path / "a/b/lsmod").readlink() == Path("kmod")
    (tmp_path / "file").touch()
    assert main(["links", str(tmp_path / "file")]) == 1
    assert "could not write to" in capsys.readouterr().err
