"""/proc/modules and /sys/module: any bytes are modules with sizes and users, or the file is told."""

from __future__ import annotations

from ringward.kmod import proc
from ringward.kmod.errors import KmodError
from ringward.kmod.proc import Live, parse_modules
from tests.fuzz.inputs import SEPARATOR, folder, parts, text

COVERS = (proc,)
FLOOR = 95
DICTIONARY = (b" 0 - Live 0x0000000000000000\n", b"[permanent],", b" (OE+)", b"Loading", b"Unloading", SEPARATOR)
RUNS = 1000
FILES = ("initstate", "refcnt", "coresize")
_ROOT = folder()
_FOLDER = _ROOT / "sys/module/x"
(_ROOT / "proc").mkdir()
for _holder in ("z", "y"):
    (_FOLDER / "holders" / _holder).mkdir(parents=True)


def seeds() -> list[bytes]:
    lines = (
        b"x 16384 2 y,z, Live 0xffffffffc0000000 (OE)\ny 4096 0 - Loading 0x0\nz 1 1 [permanent], Unloading 0x0 (-)\n"
    )
    return [
        SEPARATOR.join((lines, b"live\n", b"3\n", b"20480\n")),
        SEPARATOR.join((b"x 1 - - Loading 0x0\n", b"coming\n", b"-1\n", b"junk\n")),
        b"x 1 2 3\n",
        b"x one 0 - Live 0x0\n",
    ]


def one(data: bytes) -> None:
    content, *values = parts(data, 1 + len(FILES))
    try:
        for module in parse_modules(text(content), "modules"):
            assert module.name
            assert module.size >= 0
    except KmodError as error:
        assert str(error).startswith("modules: line ")
    (_ROOT / "proc/modules").write_bytes(content)
    for name, value in zip(FILES, values, strict=True):
        (_FOLDER / name).write_bytes(value)
    live = Live(str(_ROOT))
    for ask in (live.modules, lambda: live.state("x"), lambda: live.refcount("x"), live.compression):
        try:
            ask()
        except KmodError as error:
            assert error.path.startswith(str(_ROOT))
    assert sorted(live.holders("x")) == ["y", "z"]
    assert live.state("absent") is None
