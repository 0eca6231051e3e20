from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.kmod.errors import KmodError
from ringward.kmod.proc import Live, parse_modules, read_text

TEXT = """\
msdos 16384 0 - Live 0x0000000000000000
fat 102400 3 vfat,msdos, Live 0xffffffffc04ff000 (OE)
late 4096 1 - Loading 0x0000000000000000 (O+)
gone 8192 -1 - Unloading 0x0000000000000000 (-)
stays 8192 0 [permanent], Live 0x0000000000000000
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root in which the modules of TEXT are loaded."""
    write(tmp_path, TEXT)
    for name, state in (("msdos", "live"), ("fat", "live"), ("late", "coming"), ("gone", "going"), ("stays", "live")):
        folder = tmp_path / "sys/module" / name
        (folder / "holders").mkdir(parents=True)
        for file, text in (("initstate", state), ("refcnt", "1"), ("coresize", "4097")):
            (folder / file).write_text(f"{text}\n")
    for holder in ("msdos", "vfat"):
        (tmp_path / "sys/module/fat/holders" / holder).symlink_to(f"../../{holder}")
    return tmp_path


def write(root: Path, text: str) -> None:
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/modules").write_text(text)


def test_what_a_line_says() -> None:
    msdos, fat, late, gone, stays = parse_modules(TEXT)
    assert (msdos.name, msdos.size, msdos.refcount, msdos.holders) == ("msdos", 16384, 0, ())
    assert (fat.refcount, fat.holders, fat.address, fat.taint) == (3, ("vfat", "msdos"), 0xFFFFFFFFC04FF000, "OE")
    assert [one.state for one in (fat, late, gone)] == ["live", "coming", "going"]
    assert (late.taint, gone.taint, gone.refcount) == ("O", "", -1)
    assert (stays.holders, stays.permanent, fat.permanent) == ((), True, False)


def test_a_kernel_that_cannot_unload_counts_nothing() -> None:
    (module,) = parse_modules("loop 32768 - - Live 0x0\n")
    assert (module.refcount, module.holders) == (None, ())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "loop",
        "loop 1 0 - Live",
        "loop x 0 - Live 0x0",
        "loop 1 0 - Sleeping 0x0",
        "loop 1 zero - Live 0x0",
        "loop -4096 0 - Live 0x0",
        "loop 1_0 0 - Live 0x0",
        "loop 1 -2 - Live 0x0",
        "loop 1 0 - Live 0x10000000000000000",
        " 1 2 - Live 0x0",
    ],
)
def test_a_bad_line_is_an_error_with_its_number(line: str) -> None:
    with pytest.raises(KmodError, match=r"/proc/modules: line 2: "):
        parse_modules(f"fat 1 0 - Live 0x0\n{line}\n", "/proc/modules")


@given(st.text(alphabet="fat 0129x-,LiveLoading()[]\n\t\udc80é", max_size=80))
def test_nothing_else_is_raised(text: str) -> None:
    try:
        found = parse_modules(text)
    except KmodError:
        return
    assert all(module.name and module.state in {"live", "coming", "going"} for module in found)


def test_several_holders_are_in_the_order_of_sys(root: Path) -> None:
    fat = Live(str(root)).modules()[1]
    assert sorted(fat.holders) == ["msdos", "vfat"]
    assert list(fat.holders) == [entry.name for entry in os.scandir(root / "sys/module/fat/holders")]


def test_holders_that_changed_meanwhile_are_those_of_proc(root: Path) -> None:
    (root / "sys/module/fat/holders/third").touch()
    assert Live(str(root)).modules()[1].holders == ("vfat", "msdos")


def test_the_size_of_the_unsettled_is_that_of_sys(root: Path) -> None:
    assert [module.size for module in Live(str(root)).modules()] == [16384, 102400, 4097, 4097, 8192]


@pytest.mark.parametrize("gone", ["fat", "gone"])
def test_what_goes_away_while_we_look_is_left_out(root: Path, gone: str) -> None:
    for file in sorted((root / "sys/module" / gone).rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    (root / "sys/module" / gone).rmdir()
    names = [module.name for module in Live(str(root)).modules()]
    assert names == [name for name in ("msdos", "fat", "late", "gone", "stays") if name != gone]


def test_what_is_coming_needs_not_be_in_sys_yet(root: Path) -> None:
    (root / "sys/module/late/coresize").unlink()
    assert [module.size for module in Live(str(root)).modules() if module.name == "late"] == [4096]


def test_without_sys_proc_tells_all(tmp_path: Path) -> None:
    write(tmp_path, TEXT)
    found = Live(str(tmp_path)).modules()
    assert [module.name for module in found] == ["msdos", "fat", "late", "gone", "stays"]
    assert found[1].holders == ("vfat", "msdos")


def test_a_module_that_was_listed_twice_is_told_once(tmp_path: Path) -> None:
    write(tmp_path, TEXT + TEXT.splitlines(keepends=True)[-1])
    assert [module.name for module in Live(str(tmp_path)).modules()].count("stays") == 1


def test_a_kernel_without_modules_has_no_list(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Live(str(tmp_path)).modules()


def test_states(root: Path) -> None:
    (root / "sys/module/8250/parameters").mkdir(parents=True)
    live = Live(str(root))
    assert [live.state(name) for name in ("fat", "late", "gone", "8250", "nowhere", "")] == [
        "live",
        "coming",
        "going",
        "builtin",
        None,
        None,
    ]


def test_users(root: Path) -> None:
    live = Live(str(root))
    assert (live.refcount("fat"), sorted(live.holders("fat"))) == (1, ["msdos", "vfat"])
    with pytest.raises(FileNotFoundError):
        live.refcount("nowhere")
    with pytest.raises(FileNotFoundError):
        live.holders("nowhere")
    (root / "sys/module/fat/refcnt").write_text("many\n")
    with pytest.raises(KmodError, match=r"fat/refcnt: offset 0: not a number: 'many"):
        live.refcount("fat")


def test_compression(root: Path) -> None:
    assert Live(str(root)).compression() is None
    (root / "sys/module/compression").write_text("xz\n")
    assert Live(str(root)).compression() == "xz"


def test_a_link_does_not_lead_out_of_the_root(root: Path) -> None:
    (root / "proc/modules").unlink()
    (root / "proc/modules").symlink_to("/sys/list")
    (root / "sys/list").write_text("inside 1 0 - Live 0x0\n")
    assert [module.name for module in Live(str(root)).modules()] == ["inside"]


def test_reading_is_bounded(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 200_000)
    assert len(read_text(str(file))) == 200_000
    assert len(read_text(str(file), 200_000)) == 200_000
    with pytest.raises(KmodError, match="longer than 199999 bytes"):
        read_text(str(file), 199_999)
    with pytest.raises(KmodError, match="longer than 1000 bytes"):
        read_text("/dev/zero", 1000)  # which has no end
