from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ringward.kmod import load, unload
from ringward.kmod.errors import KmodError
from ringward.kmod.load import FORCE, RefusedError
from ringward.kmod.proc import Live, parse_modules
from ringward.kmod.sysroot_state import SysrootState, to_line
from tests.kmod.tiny_module import INIT, build

GPL = ("license=GPL", "intree=Y")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with fat, msdos, vfat and some others below /m."""
    folder = tmp_path / "root/m"
    folder.mkdir(parents=True)
    build(folder, "fat", "depends=", *GPL)
    build(folder, "msdos", "depends=fat", *GPL)
    build(folder, "vfat", "depends=fat", *GPL)
    build(folder, "loop", "depends=", "parmtype=max_loop:int", "parmtype=quick:bool", *GPL)
    build(folder, "stays", "depends=", "license=Proprietary", code=INIT)
    return tmp_path / "root"


def text(root: Path, path: str) -> str:
    return (root / "sys/module" / path).read_text()


def code_of(call: object, *arguments: object, **named: object) -> int | None:
    """Return the errno that a call is refused with."""
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.errno


def lsmod(root: Path) -> list[tuple[str, int | None, tuple[str, ...]]]:
    return [(one.name, one.refcount, tuple(sorted(one.holders))) for one in Live(str(root)).modules()]


def test_a_load_is_written_down(root: Path) -> None:
    load.insert("/m/fat.ko", root=str(root))
    load.insert("/m/msdos.ko", root=str(root))
    load.insert("/m/vfat.ko", root=str(root))
    assert lsmod(root) == [("vfat", 0, ()), ("msdos", 0, ()), ("fat", 2, ("msdos", "vfat"))]
    assert [text(root, f"fat/{file}") for file in ("initstate", "refcnt", "taint")] == ["live\n", "2\n", "E\n"]
    assert (root / "sys/module/fat/holders/msdos").readlink() == Path("../../msdos")
    first = (root / "proc/modules").read_text().splitlines()[0]
    assert first == f"vfat {text(root, 'vfat/coresize').strip()} 0 - Live 0x0000000000000000 (E)"
    assert int(text(root, "vfat/coresize")) > 0
    assert [path.name for path in (root / "sys/module").iterdir() if path.name.startswith(".")] == []


def test_parameters_are_shown_as_the_kernel_shows_them(root: Path) -> None:
    load.insert("/m/loop.ko", "max-loop=0x10 quick unknown=3", root=str(root))
    assert sorted(path.name for path in (root / "sys/module/loop/parameters").iterdir()) == ["max_loop", "quick"]
    assert (text(root, "loop/parameters/max_loop"), text(root, "loop/parameters/quick")) == ("16\n", "Y\n")


def test_what_the_kernel_would_refuse(root: Path) -> None:
    folder = root / "m"
    (folder / "text").write_text("nothing of the kind")
    (folder / "empty").touch()
    state = SysrootState(str(root))
    assert code_of(state.insert, "/m/msdos.ko") == errno.ENOENT
    assert code_of(state.insert, "/m/text") == errno.ENOEXEC
    assert code_of(state.insert, "/m/empty") == errno.EINVAL
    assert code_of(state.insert, "/m/loop.ko", "max_loop=abc") == errno.EINVAL
    assert code_of(state.insert, "/m/loop.ko", "max_loop=99999999999") == errno.ERANGE
    assert not (root / "proc/modules").exists()
    state.insert("/m/fat.ko")
    assert code_of(state.insert, "/m/fat.ko") == errno.EEXIST
    assert load.insert("/m/fat.ko", root=str(root), first_time=False) is False
    assert code_of(load.insert, "/m/fat.ko", root=str(root)) == errno.EEXIST
    with pytest.raises(FileNotFoundError):
        state.insert("/m/nothing")
    (folder / "cut.ko.xz").write_bytes(b"\xfd7zXZ\0\0\0")
    with pytest.raises(KmodError):
        state.insert("/m/cut.ko.xz")
    assert lsmod(root) == [("fat", 0, ())]


def test_an_unload_is_written_down(root: Path) -> None:
    state = SysrootState(str(root))
    for name in ("fat", "msdos", "vfat"):
        state.insert(f"/m/{name}.ko")
    assert code_of(state.remove, "fat") == errno.EAGAIN
    assert code_of(state.remove, "fat", force=True) == errno.EAGAIN
    state.remove("msdos")
    assert lsmod(root) == [("vfat", 0, ()), ("fat", 1, ("vfat",))]
    assert text(root, "fat/refcnt") == "1\n"
    unload.remove("vfat", root=str(root))
    unload.remove("fat", root=str(root), wait=1)
    assert lsmod(root) == []
    assert list((root / "sys/module").iterdir()) == []
    assert code_of(unload.remove, "fat", root=str(root)) == errno.ENOENT


def test_what_somebody_uses_goes_by_force_only(root: Path) -> None:
    state = SysrootState(str(root))
    state.insert("/m/loop.ko")
    (root / "sys/module/loop/refcnt").write_text("1\n")
    assert code_of(state.remove, "loop") == errno.EAGAIN
    state.remove("loop", force=True)
    assert lsmod(root) == []


def test_what_has_no_exit_function_goes_by_force_only(root: Path) -> None:
    state = SysrootState(str(root))
    state.insert("/m/stays.ko", flags=FORCE)
    assert (root / "proc/modules").read_text().split()[3:] == ["[permanent],", "Live", "0x0000000000000000", "(PFOE)"]
    assert code_of(state.remove, "stays") == errno.EBUSY
    state.remove("stays", force=True)
    assert lsmod(root) == []


def test_what_is_built_in_can_neither_be_loaded_nor_unloaded(root: Path) -> None:
    (root / "sys/module/fat").mkdir(parents=True)
    state = SysrootState(str(root))
    assert code_of(state.insert, "/m/fat.ko") == errno.EEXIST
    assert code_of(state.remove, "fat") == errno.ENOENT
    state.insert("/m/msdos.ko")
    assert lsmod(root) == [("msdos", 0, ())]


@pytest.mark.parametrize("root", ["", "/", "/proc/..", "//"])
def test_the_running_system_is_no_sysroot(root: str) -> None:
    with pytest.raises(ValueError, match="a sysroot is needed"):
        SysrootState(root)


def test_a_link_does_not_lead_out(root: Path) -> None:
    (root / "sys").symlink_to("/elsewhere/sys")
    load.insert("/m/fat.ko", root=str(root))
    assert (root / "elsewhere/sys/module/fat/initstate").read_text() == "live\n"
    assert lsmod(root) == [("fat", 0, ())]


def test_nothing_half_written_is_left(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ringward.kmod.sysroot_state.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        load.insert("/m/fat.ko", root=str(root))
    assert list((root / "sys/module").iterdir()) == []


def test_lines_are_those_of_the_kernel() -> None:
    lines = (
        "fat 102400 2 vfat,msdos, Live 0xffffffffc04ff000\n"
        "late 4096 1 - Loading 0x0000000000000000 (O+)\n"
        "gone 4096 -1 - Unloading 0x0000000000000000 (-)\n"
        "old 4096 - - Live 0x0000000000000000\n"
        "stays 8192 0 [permanent], Live 0x0000000000000000 (POE)\n"
    )
    assert "".join(to_line(module) for module in parse_modules(lines)) == lines
