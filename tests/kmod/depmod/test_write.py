from __future__ import annotations

import os
from pathlib import Path

import pytest

from ringward.kmod.depmod import write
from ringward.kmod.depmod.module import DepmodError, Place

FILES = [("modules.dep", b"new\n"), ("modules.dep.bin", b"\0" * 100_000), ("modules.devname", b"")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "modules.dep").write_text("old\n")
    return Place("SHOWN", str(tmp_path))


def names(place: Place) -> set[str]:
    return {file.name for file in Path(place.real).iterdir()}


def test_files_are_replaced(place: Place) -> None:
    old = Path(place.real, "modules.dep").stat().st_ino
    os.link(Path(place.real, "modules.dep"), Path(place.real, "link"))
    before = os.umask(0o027)
    try:
        write.write(place, FILES)
    finally:
        os.umask(before)
    assert names(place) == {name for name, _ in FILES} | {"link"}
    for name, content in FILES:
        assert Path(place.real, name).read_bytes() == content
        assert Path(place.real, name).stat().st_mode & 0o777 == 0o640
    assert Path(place.real, "modules.dep").stat().st_ino != old
    assert Path(place.real, "link").read_text() == "old\n"


def test_a_link_in_the_place_of_a_file_is_not_followed(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    (tmp_path / "modules.devname").symlink_to(target)
    write.write(place, FILES)
    assert target.read_text() == "kept"
    assert not (tmp_path / "modules.devname").is_symlink()


def unchanged(place: Place) -> bool:
    return names(place) == {"modules.dep"} and Path(place.real, "modules.dep").read_text() == "old\n"


def test_a_directory_in_the_place_of_a_file(place: Place, tmp_path: Path) -> None:
    (tmp_path / "modules.devname").mkdir()
    with pytest.raises(DepmodError, match=r"could not write SHOWN/modules[.]devname: a directory is in its place"):
        write.write(place, FILES)
    (tmp_path / "modules.devname").rmdir()
    assert unchanged(place)


@pytest.mark.parametrize("call", ["fsync", "replace", "open", "fdopen"])
def test_a_call_that_fails_leaves_nothing_half_written(
    place: Place, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(os, call)
    count = 0

    def fails(*words: object, **more: object) -> object:
        nonlocal count
        # The directory, and the look for directories, come first.
        if call != "open" or words[1] & os.O_CREAT:  # type: ignore[operator]
            count += 1
            if count == (1 if call == "replace" else 3):
                raise OSError(28, "No space left on device")
        return real(*words, **more)

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(DepmodError, match=r"SHOWN/modules.*No space left on device"):
        write.write(place, FILES)
    monkeypatch.undo()
    assert unchanged(place)


def test_an_interruption_leaves_nothing_half_written(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_fd: int) -> None:
        assert len(names(place)) > 1
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write.write(place, FILES)
    assert unchanged(place)


def test_everything_is_on_the_disk_before_the_first_file_is_replaced(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (calls.append("fsync"), sync(fd))[1])
    monkeypatch.setattr(os, "replace", lambda *words, **more: (calls.append("replace"), replace(*words, **more))[1])
    write.write(place, FILES)
    assert calls == ["fsync"] * 3 + ["replace"] * 3 + ["fsync"]


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(DepmodError, match="could not open directory SHOWN: No such file or directory"):
        write.write(Place("SHOWN", str(tmp_path / "none")), FILES)


def test_a_directory_is_made_with_those_above_it(tmp_path: Path) -> None:
    write.make_directory(Place("SHOWN", str(tmp_path / "a/b/c")))
    assert (tmp_path / "a/b/c").is_dir()
    write.make_directory(Place("SHOWN", str(tmp_path / "a/b/c")))
    (tmp_path / "file").touch()
    with pytest.raises(DepmodError, match="could not make directory SHOWN: "):
        write.make_directory(Place("SHOWN", str(tmp_path / "file/c")))
