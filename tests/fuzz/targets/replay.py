"""``ringward replay``: whatever a recording says is shown or told in an error, and does nothing to the terminal."""

from __future__ import annotations

import io
import sys
import unicodedata
from unittest import mock

from ringward.cli import replay, stream
from ringward.cli.errors import CANNOT_RUN, INCOMPLETE, CannotRunError
from ringward.output import cells, details, fold, screen, table, template, text
from tests.fuzz.inputs import folder
from tests.fuzz.targets import recording

COVERS = (replay._show, replay._Seen, stream.summary, cells, details, fold, screen, table, text, template.Template)
FLOOR = 80
RUNS = 300
LONGEST = recording.LONGEST
DICTIONARY = (*recording.DICTIONARY, b"\\u001b[2J", b"\\u202e", b"\\n", b'"result":-1', b'"unread":{')
_VIEWS = (
    ("--output", "table", "-v"),
    ("-c",),
    ("--template", "{time} {process.comm:9} {args.name} {load.id:>9} {result} {outcome}"),
)
_PLACE = folder()
_FILE, _OUT = _PLACE / "in.jsonl", _PLACE / "out"


def seeds() -> list[bytes]:
    head, *lines = replay.SHIPPED.read_bytes().splitlines(keepends=True)
    found = [b""]
    for line in lines:  # a real load and what led to it, in pieces
        if len(head) + len(found[-1]) + len(line) > LONGEST:
            found.append(b"")
        found[-1] += line
    plain = [*recording.seeds(), *(head + each for each in found)]
    # The same with what a terminal would act on.
    odd = (b"\\u001b[2J\\u202e\\n", "e\N{COMBINING ACUTE ACCENT}\N{CJK UNIFIED IDEOGRAPH-6F22}".encode())
    words = (b"modprobe", b"tp_btf", b"amd64", b"/usr/")
    for number, word in enumerate(words):
        plain += [each.replace(word, odd[number % 2]) for each in plain[-2:] if word in each]
    return [*plain, b'{"recording":2,"schema":1,"ringward":"\\u001b[2J"}\n']


def harmless(shown: str) -> bool:
    """Return whether a text does nothing to a terminal but to fill lines."""
    return not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in shown.replace("\n", ""))


def one(data: bytes) -> None:
    _FILE.write_bytes(data)
    for view in _VIEWS:
        with mock.patch.object(sys, "stderr", io.StringIO()) as said:
            try:
                assert replay.main([*view, "-o", str(_OUT), str(_FILE)]) in {0, INCOMPLETE}
            except CannotRunError as error:
                assert harmless(str(error)), CANNOT_RUN
        assert harmless(said.getvalue())
        assert harmless(_OUT.read_text())
