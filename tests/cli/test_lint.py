from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.cli import lint
from ringward.cli.errors import UsageError
from ringward.kmod.lint import FINDING, NOTE, RULES, Finding
from tests.kmod.lint.subjects import make_lab


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    """Return a system with modules, a package's configuration and the administrator's."""
    lab = make_lab(tmp_path, "softdep net pre: crc")
    for name, text in {
        "etc/modprobe.d/a.conf": "install net /bin/false\nblacklist crc\n",
        "usr/lib/modprobe.d/p.conf": "blacklist nothing\n",
        "proc/cmdline": "quiet modprobe.blacklist=fs-a\n",
    }.items():
        (lab.root / name).parent.mkdir(parents=True, exist_ok=True)
        (lab.root / name).write_text(text)
    return lab.root


def found(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[tuple[str, str, int]]]:
    """Return the status, and rule, path and line of each finding."""
    status = lint.main(["--json", *argv])
    data = json.loads(capsys.readouterr().out)
    return status, [(each["rule"], each["path"], each["line"]) for each in data["findings"]]


def test_a_sysroot_is_looked_at_as_a_whole(sysroot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert found(capsys, "--sysroot", str(sysroot)) == (
        1,
        [
            ("install-softdep", "/etc/modprobe.d/a.conf", 1),
            ("blacklist-dependency", "/etc/modprobe.d/a.conf", 2),
            ("no-such-module", "/usr/lib/modprobe.d/p.conf", 1),
            ("cmdline-name", "/proc/cmdline", 0),
        ],
    )


def test_json_is_whole_and_versioned(sysroot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lint.main(["--output", "json", "--sysroot", f"{sysroot}/"])
    data = json.loads(capsys.readouterr().out)
    assert (data["v"], data["tool"], data["kernel"], data["unseen"]) == (1, "lint", "1.0", [])
    first = data["findings"][0]
    assert first == {
        "rule": "install-softdep",
        "level": "finding",
        "path": "/etc/modprobe.d/a.conf",
        "line": 1,
        "text": "install net /bin/false",
        "why": "is not run: 'net' has a softdep (pre: crc), and is loaded as usual",
        "fix": "put 'softdep net pre:' where it is read before /lib/modules/1.0/modules.softdep:1:"
        " the first such line counts",
        "others": ["/lib/modules/1.0/modules.softdep:1"],
    }


def test_one_line_each_when_not_on_a_terminal(sysroot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert lint.main(["--sysroot", str(sysroot)]) == 1
    out = capfd.readouterr().out.splitlines()
    assert [line.split(": ")[:2] for line in out] == [
        ["/etc/modprobe.d/a.conf:1", "install-softdep"],
        ["/etc/modprobe.d/a.conf:2", "blacklist-dependency"],
        ["/proc/cmdline", "cmdline-name"],
    ]
    assert lint.main(["--all", "--sysroot", str(sysroot)]) == 1
    assert len(capfd.readouterr().out.splitlines()) == 4


def test_a_table_on_a_terminal(sysroot: Path) -> None:
    ours, theirs = pty.openpty()
    argv = [sys.executable, "-m", "ringward", "lint", "--sysroot", str(sysroot)]
    done = subprocess.run(argv, stdout=theirs, env={**os.environ, "COLUMNS": "80"}, check=False)
    os.close(theirs)
    text = b""
    while chunk := _read(ours):
        text += chunk
    os.close(ours)
    lines = text.decode().splitlines()
    assert done.returncode == 1
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["/etc/modprobe.d/a.conf:1", "install-softdep", "install", "net", "/bin/false"]
    assert sum(line.startswith("    fix: ") for line in lines) == 3
    assert lines[-1] == "3 findings, 1 note; --all shows them; looked at modules of 1.0"


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits(width: int) -> None:
    findings = [
        Finding(
            rule, FINDING, "/etc/modprobe.d/a.conf", 7, "install a b " * 20, "why it is so " * 20, "what helps " * 20
        )
        for rule in RULES
    ]
    assert max(map(len, lint.table(findings, width))) <= width


def test_a_system_without_findings(sysroot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (sysroot / "etc/modprobe.d/a.conf").write_text("options net a=1\n")
    assert lint.main(["--sysroot", str(sysroot), "--cmdline", ""]) == 0
    assert capfd.readouterr() == ("", "")


def test_what_cannot_be_looked_at_is_not_clean(sysroot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (sysroot / "etc/modprobe.d/a.conf").unlink()
    argv = ["--sysroot", str(sysroot), "--cmdline", "", "-S", "9.9"]
    assert lint.main(argv) == 3
    assert capfd.readouterr().err == (
        "ringward lint: not looked at: there is no /lib/modules/9.9/modules.dep.bin:"
        " rules that need modules were not applied; name a kernel with -S\n"
    )
    (sysroot / "proc/cmdline").unlink()
    assert lint.main(["--sysroot", str(sysroot)]) == 3
    assert "not looked at: /proc/cmdline: cannot be read" in capfd.readouterr().err
    (sysroot / "etc/modprobe.d/a.conf").write_text("bogus\n")
    assert lint.main(argv) == 1


def test_which_kernel(sysroot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sysroot / "lib/modules/2.0").mkdir()
    with pytest.raises(UsageError, match=r"name one with -S: 1\.0, 2\.0"):
        lint.main(["--sysroot", str(sysroot)])
    assert found(capsys, "--sysroot", str(sysroot), "-S", "1.0")[0] == 1
    assert lint.find_tree(str(sysroot / "etc"), None) == (
        None,
        "there are no modules in /lib/modules: rules that need them were not applied",
    )
    tree, _why = lint.find_tree("", None)
    assert tree is not None
    assert tree.version == os.uname().release


def test_files_that_are_named(sysroot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sysroot / "x").write_text("blacklist nothing\n")
    argv = ["--sysroot", str(sysroot), "--cmdline", "", "-C", "/x", "-C", "/etc/modprobe.d/a.conf"]
    assert [each[:2] for each in found(capsys, *argv)[1]] == [
        ("install-softdep", "/etc/modprobe.d/a.conf"),
        ("blacklist-dependency", "/etc/modprobe.d/a.conf"),
        ("no-such-module", "/x"),
    ]


def test_depmods_configuration_is_looked_at(sysroot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (sysroot / "etc/depmod.d").mkdir()
    (sysroot / "etc/depmod.d/d.conf").write_text("override nothing * kernel\nexternal 4\\.4 /x\nexternal [ /x\n")
    rules = found(capsys, "--sysroot", str(sysroot))[1]
    assert [each for each in rules if "depmod" in each[1]] == [
        ("depmod-override", "/etc/depmod.d/d.conf", 1),
        ("backslash", "/etc/depmod.d/d.conf", 2),
        ("bad-line", "/etc/depmod.d/d.conf", 3),
    ]


def test_undecodable_bytes_and_control_characters(sysroot: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (sysroot / "etc/modprobe.d/a.conf").write_bytes(b"bogus \xff\x1b[2J\n\xe9 x\n")
    assert lint.main(["--json", "--sysroot", str(sysroot)]) == 1
    texts = [each["text"] for each in json.loads(capfd.readouterr().out)["findings"][:2]]
    assert texts == ["bogus \\xff\x1b[2J", "\\xe9 x"]
    assert lint.main(["--sysroot", str(sysroot)]) == 1
    out = capfd.readouterr().out
    assert "\x1b" not in out
    assert "there is no directive '\\udce9'" in out
    assert "\x1b" not in "\n".join(lint.table([Finding("bad-line", NOTE, "/a\x1b", 1, "\x1b", "\x1b", "\x1b")], 80))


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert lint.main(["--rules"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(RULES)


def test_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no directory"):
        lint.main(["--sysroot", str(tmp_path / "none")])
    with pytest.raises(UsageError, match="did you mean --sysroot"):
        lint.main(["--sysrot", "x"])


def test_the_status_of_the_command(sysroot: Path) -> None:
    argv = [sys.executable, "-m", "ringward", "lint", "--sysroot", str(sysroot)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (1, 3, "")
