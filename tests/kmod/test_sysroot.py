from __future__ import annotations

import errno
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ringward.kmod.sysroot import inside, shown


def test_without_a_root_nothing_changes() -> None:
    assert inside("", "/etc/../a//b") == "/etc/../a//b"
    assert shown("", "/a") == "/a"


def test_what_is_told_has_no_root() -> None:
    assert shown("/mnt", "/mnt/etc/a") == "/etc/a"
    assert shown("/mnt/", "/mnt/etc/a") == "/etc/a"
    assert shown("/mnt", "/mnt2/etc") == "/mnt2/etc"


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/file", "/file"),
        ("file", "/file"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/absolute", "/real/dir"),
        ("/absolute/x", "/real/dir/x"),
        ("/up/x", "/x"),
        ("/chain/x", "/real/dir/x"),
        ("/real/dir/relative", "/real/other"),
        ("/none/../file", "/file"),
        ("", ""),
    ],
)
def test_links_stay_inside(tmp_path: Path, path: str, where: str) -> None:
    (tmp_path / "real/dir").mkdir(parents=True)
    for name, target in (
        ("absolute", "/real/dir"),
        ("up", "../../../.."),
        ("chain", "absolute"),
        ("real/dir/relative", "../other"),
    ):
        (tmp_path / name).symlink_to(target)
    assert inside(str(tmp_path), path).rstrip("/") == f"{tmp_path}{where}"


def test_a_circle_of_links_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("/a")
    with pytest.raises(OSError, match=r"symbolic links"):
        inside(str(tmp_path), "/a")


LINKS = ("/d", "d/..", "../..", "/b/e", "c", "d/f", "/", "/a/b")
CHROOTED = """
import os, sys
for root in sys.argv[1:]:
    if os.fork() == 0:
        os.chroot(root)
        os.chdir("/")
        path = open("/path").read()
        try:
            os.stat(path)
            state = 0
        except OSError as error:
            state = error.errno
        print(state, os.path.realpath(path), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(
    subprocess.run(["unshare", "-r", "true"], capture_output=True, check=False).returncode != 0,
    reason="no user namespace can be had here, and with it no chroot",
)
def test_it_goes_where_a_chrooted_process_goes(tmp_path: Path) -> None:
    chance = random.Random(3)
    cases = []
    for number in range(400):
        root = tmp_path / str(number)
        (root / "d/e").mkdir(parents=True)
        (root / "d/f").symlink_to("/a")
        for name in chance.sample("abc", chance.randrange(4)):
            (root / name).symlink_to(chance.choice(LINKS))
        path = "/" + "/".join(chance.choices(("a", "b", "c", "d", "e", "f", "..", "."), k=chance.randrange(1, 4)))
        (root / "path").write_text(path)
        cases.append((root, path))
    argv = ["unshare", "-r", sys.executable, "-c", CHROOTED, *(str(root) for root, _path in cases)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found = 0
    for (root, path), line in zip(cases, done.stdout.splitlines(), strict=True):
        state, _, theirs = line.partition(" ")
        try:
            ours = inside(str(root), path).removeprefix(str(root)) or "/"
        except OSError:
            assert int(state) in {errno.ELOOP, errno.ENOENT}, path
            continue
        if int(state) == 0:
            assert ours == theirs, path
            found += 1
    assert found > 100
