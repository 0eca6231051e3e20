from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.kmod.config_files import LIMIT, ConfigFile, Files, TooLargeError, read


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def told(files: list[ConfigFile]) -> list[tuple[str, bool, str, str | None]]:
    return [(file.path, file.used, file.why, file.shadowed_by) for file in files]


def test_earlier_directories_win_and_names_sort_by_bytes(tmp_path: Path) -> None:
    for name in ("1/b.conf", "1/B.conf", "2/b.conf", "2/a.conf", "2/é.conf", "2/z.conf"):
        write(tmp_path / name)
    files = Files()
    files.named(f"{tmp_path}/1/")
    files.named(f"{tmp_path}/2")
    assert [file.path.removeprefix(f"{tmp_path}/") for file in files.in_order()] == [
        "1/B.conf",
        "2/a.conf",
        "1/b.conf",
        "2/z.conf",
        "2/é.conf",
    ]
    assert told(files.all()[5:]) == [(f"{tmp_path}/2/b.conf", False, "shadowed", f"{tmp_path}/1/b.conf")]
    assert files.problems == []


def test_what_is_not_read_is_told(tmp_path: Path) -> None:
    for name in ("d/.h.conf", "d/README", "d/x.conf.bak", "d/.swp", "d/sub.conf/a.conf"):
        write(tmp_path / name)
    files = Files()
    files.named(str(tmp_path / "d"))
    assert files.in_order() == []
    assert {(Path(file.path).name, file.why) for file in files.all()} == {
        (".h.conf", "hidden"),
        ("README", "not .conf"),
        ("x.conf.bak", "not .conf"),
        ("sub.conf", "directory"),
    }


def test_a_link_to_nothing_hides_the_files_of_its_name(tmp_path: Path) -> None:
    # kmod 30 leaves it to chance whether modprobe takes the link for a directory; depmod does as here.
    (tmp_path / "1").mkdir()
    (tmp_path / "1/a.conf").symlink_to("nothing")
    write(tmp_path / "2/a.conf", "alias a b")
    files = Files()
    files.named(str(tmp_path / "1"))
    files.named(str(tmp_path / "2"))
    (file,) = files.in_order()
    assert files.read(file) is None
    assert (file.used, file.why) == (False, "broken link")
    assert [problem.kind for problem in files.problems] == ["broken link"]


def test_a_directory_under_two_names_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "usr/lib/modprobe.d/a.conf")
    (tmp_path / "lib").symlink_to("usr/lib")
    files = Files(str(tmp_path))
    files.default("/usr/lib/modprobe.d")
    files.default("/lib/modprobe.d")
    files.default("/etc/modprobe.d")
    assert told(files.all()) == [("/usr/lib/modprobe.d/a.conf", True, "", None)]
    assert files.problems == []


def test_one_file_under_two_names_does_not_hide_itself(tmp_path: Path) -> None:
    write(tmp_path / "d/a.conf")
    files = Files()
    files.named(str(tmp_path / "d"))
    files.named(f"{tmp_path}/d/../d/a.conf")
    assert told(files.all()) == [(f"{tmp_path}/d/a.conf", True, "", None)]


def test_what_the_user_names_must_exist(tmp_path: Path) -> None:
    files = Files()
    files.named(str(tmp_path / "none"))
    assert [(problem.kind, problem.path) for problem in files.problems] == [("unreadable", f"{tmp_path}/none")]


def test_links_do_not_lead_out_of_a_sysroot(tmp_path: Path) -> None:
    write(tmp_path / "outside/a.conf", "alias outside a")
    write(tmp_path / "root/usr/share/a.conf", "alias inside a")
    directory = tmp_path / "root/etc/modprobe.d"
    directory.mkdir(parents=True)
    (directory / "a.conf").symlink_to("/usr/share/a.conf")
    (directory / "b.conf").symlink_to(tmp_path / "outside/a.conf")
    (directory / "c.conf").symlink_to("../../../outside/a.conf")
    (directory / "mask.conf").symlink_to("/dev/null")
    files = Files(str(tmp_path / "root"))
    files.default("/etc/modprobe.d")
    assert [files.read(file) for file in files.in_order()] == ["alias inside a", None, None, ""]
    assert [file.path for file in files.in_order() if file.used] == [
        "/etc/modprobe.d/a.conf",
        "/etc/modprobe.d/mask.conf",
    ]


def test_the_module_directorys_files_come_first(tmp_path: Path) -> None:
    for name in ("root/lib/modules/1/modules.softdep", "root/etc/modules.softdep", "root/etc/modules.weakdep"):
        write(tmp_path / name, name)
    files = Files(str(tmp_path / "root"))
    files.module_directory(str(tmp_path / "root" / "lib/modules/1"))
    files.named("/etc/modules.softdep")
    files.named("/etc/modules.weakdep")
    assert [file.path for file in files.in_order()] == ["/lib/modules/1/modules.softdep", "/etc/modules.weakdep"]


def test_read_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * LIMIT)
    assert len(read(str(path))) == LIMIT
    path.write_bytes(b"x" * (LIMIT + 1))
    with pytest.raises(TooLargeError):
        read(str(path))
    with pytest.raises(TooLargeError):
        read("/dev/zero")
    files = Files()
    files.named("/dev/zero")
    (file,) = files.in_order()
    assert files.read(file) is None
    why = f"cannot be read: larger than {LIMIT} bytes; it is not used"
    assert [(problem.kind, problem.why) for problem in files.problems] == [("too large", why)]


def test_read_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read(str(tmp_path / "pipe")) == ""


def test_read_keeps_every_byte(tmp_path: Path) -> None:
    data = bytes(range(256)) + "é".encode()
    (tmp_path / "a").write_bytes(data)
    assert os.fsencode(read(str(tmp_path / "a"))) == data


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "d/a.conf")

    def refuse(path: str, *_rest: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    files = Files()
    files.named(str(tmp_path / "d"))
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    (file,) = files.in_order()
    assert files.read(file) is None
    assert (file.used, file.why) == (False, "unreadable")
    files.named(str(tmp_path / "d"))
    assert [problem.why for problem in files.problems] == [
        "cannot be read: Permission denied; it is not used",
        "cannot be listed: Permission denied; its files are not used",
    ]
