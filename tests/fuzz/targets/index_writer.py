"""What depmod writes: of any keys and values both writers make the same index, and it says what was put into it."""

from __future__ import annotations

from ringward.kmod import index_writer
from ringward.kmod.depmod import _native
from ringward.kmod.index import Index
from ringward.kmod.index_writer import IndexWriter
from tests.fuzz.inputs import SEPARATOR, stretched, text
from tests.fuzz.real import entries_of, module_directories

COVERS = (index_writer,)
FLOOR = 90
RUNS = 1000
NATIVE = ("ringward.kmod.depmod._native",)
DICTIONARY = (SEPARATOR, b"\n", b"pci:v*", b"\0")


def seeds() -> list[bytes]:
    found = []
    for directory in module_directories():
        for name in ("alias", "dep", "builtin"):
            rows = [
                SEPARATOR.join((key.encode(), value.encode())) for key, value, _ in entries_of(directory, name, 90, 20)
            ]
            found.append(b"\0" + b"\n".join(rows))
    return [*found, b"\0a\xffb\na\xffc\nab\xffd\n\xffempty", b"\xf8a\xff"]


def one(data: bytes) -> None:
    keys, values, priorities = [], [], []
    for number, row in enumerate(stretched(data, 4096).split(b"\n")):
        key, _, value = row.partition(SEPARATOR)
        keys.append(text(key))
        values.append(text(value))
        priorities.append(len(key) * 7919 % 5 + (number & 1))
    writer = IndexWriter()
    try:
        for key, value, priority in zip(keys, values, priorities, strict=True):
            writer.insert(key, value, priority)
    except ValueError:
        if not all(keys):  # the native one takes empty keys; nothing else is refused by one alone
            return
        try:
            _native.index(keys, values, priorities)
        except ValueError:
            return
        raise
    content = writer.content()
    assert content == _native.index(keys, values, priorities)
    found = Index(content, "x")
    assert sorted(found.entries()) == sorted(zip(keys, values, priorities, strict=True))
    assert all(value in found.exact(key) for key, value in zip(keys[:20], values, strict=False))
