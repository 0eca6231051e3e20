# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vmtest.errors import VmtestError
from vmtest.packages import download, last_line, look_up, parse_depends, parse_package, run_tool

META = """\
Package: linux-image-6.12-amd64
Source: linux-signed-6.12-amd64 (6.12.111+1~deb12u1)
Version: 6.12.111-1~deb12u1
Installed-Size: 13
Depends: linux-image-6.12.111+deb12-amd64 (= 6.12.111-1~deb12u1)
Description: Linux for 64-bit PCs (meta-package)
 This package depends on the latest Linux kernel
 Depends: not a field, a line of the description
Size: 1476

Package: linux-image-6.12-amd64
Version: 6.12.1-1
Depends: linux-image-6.12.1-amd64
"""


def put_tool(folder: Path, name: str, script: str) -> None:
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_first_stanza_counts() -> None:
    package = parse_package(META)
    assert package is not None
    assert (package.name, package.version) == ("linux-image-6.12-amd64", "6.12.111-1~deb12u1")
    assert package.depends == (("linux-image-6.12.111+deb12-amd64",),)
    assert package.size == 1476


@pytest.mark.parametrize("text", ["", "\n", "E: No packages found\n", "Package: x\n"])
def test_no_record_is_none(text: str) -> None:
    assert parse_package(text) is None


def test_depends_with_alternatives_versions_and_architectures() -> None:
    assert parse_depends("linux-base (>= 4.12~), a:any | b [amd64] (= 1), gcc-12, ") == (
        ("linux-base",),
        ("a", "b"),
        ("gcc-12",),
    )
    assert parse_depends("") == ()


def test_last_line() -> None:
    assert last_line("one\n", "two\n\n  three \n\n") == "three"
    assert last_line("", "\n") == "no message"


def test_missing_tool_names_its_package() -> None:
    with pytest.raises(VmtestError, match="install the Debian package gcc-99"):
        run_tool(["no-such-compiler-99"], "gcc-99", 5)


def test_hanging_tool_is_ended() -> None:
    with pytest.raises(VmtestError, match=r"longer than 0\.2 s"):
        run_tool(["sleep", "60"], "coreutils", 0.2)


def test_make_variables_do_not_reach_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "--jobserver-auth=3,4")
    _, out, _ = run_tool(["env"], "coreutils", 5)
    assert "MAKEFLAGS" not in out
    assert "LC_ALL=C" in out


@pytest.mark.skipif(shutil.which("apt-cache") is None, reason="apt-cache is not installed")
def test_empty_lists_ask_for_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lists" / "partial").mkdir(parents=True)
    config = tmp_path / "apt.conf"
    config.write_text(f'Dir::State::lists "{tmp_path}/lists";\nDir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n')
    monkeypatch.setenv("APT_CONFIG", str(config))
    with pytest.raises(VmtestError, match=r"no package linux-image-6\.12-amd64: run `apt-get update`"):
        look_up("linux-image-6.12-amd64")


def test_failed_download_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, target = tmp_path / "bin", tmp_path / "target"
    tools.mkdir()
    target.mkdir()
    put_tool(tools, "apt-get", "touch partial.deb; echo 'E: Failed to fetch x  Could not resolve' >&2; exit 100")
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    with pytest.raises(VmtestError, match=r"cannot download the package x: E: Failed to fetch.*network"):
        download("x", target)
    assert list(target.iterdir()) == []


def test_download_returns_the_package_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, target = tmp_path / "bin", tmp_path / "target"
    tools.mkdir()
    target.mkdir()
    put_tool(tools, "apt-get", "for last; do :; done; echo data >${last}_1.0_amd64.deb")
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    assert download("x", target) == target / "x_1.0_amd64.deb"
    assert [path.name for path in target.iterdir()] == ["x_1.0_amd64.deb"]
