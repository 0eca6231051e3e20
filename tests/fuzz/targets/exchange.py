"""Exported entries: any bytes are taken whole or not at all; what was taken is written and taken again."""

from __future__ import annotations

import io

from ringward.trust import exchange
from ringward.trust.entry import Entry, Item, Source, Who
from ringward.trust.exchange import ExchangeError, export, take

COVERS = (exchange,)
FLOOR = 90
RUNS = 3000
LONGEST = 8192
DICTIONARY = (
    b'{"ringward":"trust","v":1,"exported":"2026-01-01T00:00:00Z"}\n',
    b'{"ringward":"end","entries":',
    b',"sha256":"',
    b'"digest":"',
    b'"kind":"program"',
    b'"path":"/',
    b'"module":"',
    b"\\u0000",
    b"null",
)
_WHO = Who(None, 0, 1)


def _whole(*entries: Entry) -> bytes:
    return b"".join(export(entries, 1))


def seeds() -> list[bytes]:
    module = Item(b"\1" * 32, "module image", "/m.ko", "p", "1", "m", "15fd", "valid")
    plain = Item(b"\0" * 32, "program", "/usr/bin/a", "", "", "", "", "")
    whole = _whole(Entry(plain, Source.HAND, _WHO, "why"), Entry(module, Source.DPKG, Who(1000, 0, 5)))
    lines = whole.splitlines(keepends=True)
    return [
        _whole(),
        whole,
        whole[:-1],
        b"".join(lines[:-1]),
        whole + lines[1],
        whole.replace(b'"v":1', b'"v":2'),
        whole.replace(b'"program"', b'"progrom"'),
        whole.replace(b"/usr", b"/etc"),
        whole.replace(b"00", b"0x"),
        whole.replace(b"why", b"\\u0000"),
        whole.replace(b'"entries":2', b'"entries":"2"'),
        b"x\n",
        b"",
    ]


def one(data: bytes) -> None:
    try:
        found = take(io.BytesIO(data), _WHO, "fuzz")
    except ExchangeError as error:
        assert error.line >= 1
        return
    for each in found:
        assert len(each.item.digest) == 32
        assert each.source == Source.IMPORT
    again = take(io.BytesIO(_whole(*found)), _WHO, "fuzz")
    assert [each.item for each in again] == [each.item for each in found]
