"""modules.builtin and modules.builtin.modinfo, as modinfo and depmod read them: any bytes are strings and messages."""

from __future__ import annotations

from ringward.kmod import builtin
from ringward.kmod.builtin import builtin_strings
from ringward.kmod.depmod import builtin as depmod_builtin
from ringward.kmod.depmod.builtin import builtin_aliases, builtin_names
from ringward.kmod.depmod.module import Place
from tests.fuzz.inputs import folder
from tests.fuzz.real import head, module_directories

COVERS = (builtin, depmod_builtin)
FLOOR = 78
RUNS = 1000
DICTIONARY = (b"ext4.alias=", b"ext4.", b"\0", b"kernel/fs/ext4/ext4.ko\n")
_FOLDER = folder()


def seeds() -> list[bytes]:
    real = [head(directory / f"modules.builtin{end}") for directory in module_directories() for end in ("", ".modinfo")]
    return [*real, b"ext4.license=GPL\0ext4.alias=fs-ext4\0x.y\0ext4.z=1\0", b"kernel/a-b.ko\n\nkernel/\nx"]


def one(data: bytes) -> None:
    for name in ("modules.builtin", "modules.builtin.modinfo"):
        (_FOLDER / name).write_bytes(data)
    said: list[tuple[str, str]] = []

    def report(kind: str, message: str) -> None:
        said.append((kind, message))

    place = Place(str(_FOLDER))
    found = builtin_names(place, report)
    assert found is not None
    assert all(name and "/" not in name for name in found)
    assert all(alias and module for alias, module in builtin_aliases(place, report) or ())
    assert all(kind == "ERROR" for kind, _ in said)
    for name in ("ext4", "a_b"):
        strings = builtin_strings(str(_FOLDER), name)
        assert not any("\0" in each for each in strings)
