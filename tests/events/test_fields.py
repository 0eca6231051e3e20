"""How arguments are read from a record: strings, lists, paths, files, flags, and what could not be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.events import Difference, FileId
from ringward.events.fields import (
    OPT,
    TOCTOU,
    Convert,
    File,
    Flags,
    Hex,
    Joined,
    K,
    Path,
    RacyFile,
    RacyText,
    Spec,
    Tail,
    Text,
    Texts,
    U,
    decode,
    device,
    flag_names,
    join_path,
    split_list,
)

REASONS = {1: "the page was not in memory", 3: "the kernel made no copy of it"}
FAULT, NO_COPY, CUT = 1, 3, 0x8000


class Record:
    """A tail with some strings, and where they are."""

    def __init__(self, base: int = 0) -> None:
        self.tail = Tail(b"\xee" * base + b"fixed part", base, REASONS)

    def put(self, raw: bytes, *, cut: bool = False) -> int:
        """Append a string; return its str_loc."""
        offset = len(self.tail.data) - self.tail.base
        self.tail.data += raw
        return offset << 16 | (CUT if cut else 0) | len(raw)


@pytest.fixture(params=[0, 24])
def record(request: pytest.FixtureRequest) -> Record:
    """A record at the beginning of a batch, and one in the middle of it."""
    return Record(request.param)


def read(spec: Spec, tail: Tail, *values: Any) -> Any:
    return spec.convert("field")(tail, *values)


@given(st.text())
def test_text_comes_back(text: str) -> None:
    assert decode(text.encode("utf-8", "surrogatepass")) == text.encode("utf-8", "surrogatepass").decode(
        "utf-8", "backslashreplace"
    )


@given(st.binary())
def test_bytes_of_any_kind_are_text(raw: bytes) -> None:
    found = decode(raw)
    assert bool(found) == bool(raw)
    assert decode(found.encode()) == found


def test_what_is_not_utf_8_is_shown_by_its_bytes() -> None:
    assert decode(b"a\xff\xc3b") == "a\\xff\\xc3b"


def test_a_path_is_put_together_from_its_end() -> None:
    assert join_path(b"") == "/"
    assert join_path(b"ko\0modules\0lib\0") == "/lib/modules/ko"
    assert join_path(b"a b\xff\0") == "/a b\\xff"


@given(st.lists(st.binary().map(lambda raw: raw.replace(b"\0", b""))))
def test_a_list_comes_back(parts: list[bytes]) -> None:
    assert split_list(b"".join(part + b"\0" for part in parts)) == tuple(decode(part) for part in parts)


def test_a_list_that_is_cut_keeps_its_last_piece() -> None:
    assert split_list(b"one\0two\0thr") == ("one", "two", "thr")
    assert split_list(b"one\0\0") == ("one", "")
    assert split_list(b"") == ()


@given(st.integers(0, 0xFFF), st.integers(0, 0xFFFFF))
def test_a_device_has_the_kernels_major_and_minor(major: int, minor: int) -> None:
    assert device(major << 20 | minor) == f"{major}:{minor}"


@given(st.integers(0, 0xFFFFFFFF))
def test_no_bit_of_flags_is_lost(value: int) -> None:
    names = {1: "ONE", 4: "FOUR", 0x800: "O_NONBLOCK"}
    bits = {name: bit for bit, name in names.items()}
    found = flag_names(value, names)
    assert sum(bits[part] if part in bits else int(part, 16) for part in found) == value


def test_text(record: Record) -> None:
    spec = Text("char[]", "Text.")
    assert read(spec, record.tail, record.put(b"module")) == "module"
    assert read(spec, record.tail, record.put(b"")) == ""
    assert record.tail.unread is None
    assert read(spec, record.tail, FAULT) is None
    assert record.tail.unread == {"field": REASONS[FAULT]}


def test_text_that_is_cut_is_shown_and_said_to_be(record: Record) -> None:
    assert read(Text("char[]", "Text."), record.tail, record.put(b"long", cut=True)) == "long"
    assert record.tail.unread == {"field": "cut after 4 bytes"}


def test_a_reason_that_is_not_known_is_its_number(record: Record) -> None:
    assert read(Text("char[]", "Text."), record.tail, 99) is None
    assert record.tail.unread == {"field": "code 99"}


def test_texts(record: Record) -> None:
    spec = Texts("char **", "Texts.")
    assert read(spec, record.tail, record.put(b"a\0b\0")) == ("a", "b")
    assert read(spec, record.tail, record.put(b"")) == ()
    assert record.tail.unread is None
    assert read(spec, record.tail, record.put(b"a\0b", cut=True)) == ("a", "b")
    assert record.tail.unread == {"field": "cut after 3 bytes"}
    assert read(spec, record.tail, FAULT) is None
    assert record.tail.unread == {"field": REASONS[FAULT]}


def test_path(record: Record) -> None:
    spec = Path("struct path", "Path.")
    assert read(spec, record.tail, record.put(b"b\0a\0")) == "/a/b"
    assert record.tail.unread is None
    assert read(spec, record.tail, record.put(b"b\0a\0", cut=True)) == "/a/b"
    assert record.tail.unread == {"field": "the first components are cut"}
    assert read(spec, record.tail, FAULT) is None
    assert record.tail.unread == {"field": REASONS[FAULT]}


def test_hex_and_flags() -> None:
    tail = Record().tail
    assert read(Hex("void *", "Address."), tail, 0xFFFFFFFFC0000000) == "0xffffffffc0000000"
    flags = Flags("int", "Flags.", names={1: "ONE"})
    assert read(flags, tail, 3) == ("ONE", "0x2")
    assert read(flags, tail, -1) == ("ONE", "0xfffffffe"), "a signed member is a register of 32 bits"
    assert read(flags, tail, 0) == ()


RACY = RacyText("const char *", "Racy.", members=("a", "b", "c"))


def test_the_kernels_copy_is_shown_first(record: Record) -> None:
    entry, kernel, late = record.put(b"a=1"), record.put(b"a=1"), record.put(b"a=9")
    assert read(RACY, record.tail, entry, kernel, late) == "a=1"
    assert record.tail.sources == {"field": "kernel"}
    assert record.tail.differences == ()


def test_a_difference_is_told_with_both_values(record: Record) -> None:
    entry, kernel = record.put(b"a=1"), record.put(b"a=2")
    assert read(RACY, record.tail, entry, kernel, FAULT) == "a=2"
    assert record.tail.differences == (Difference("field", "a=1", "a=2"),)


def test_without_a_copy_the_reading_at_entry_counts(record: Record) -> None:
    assert read(RACY, record.tail, record.put(b"x"), NO_COPY, record.put(b"y")) == "x"
    assert record.tail.sources == {"field": "entry"}
    assert record.tail.differences == ()


def test_a_page_that_was_not_there_is_read_at_exit(record: Record) -> None:
    assert read(RACY, record.tail, FAULT, NO_COPY, record.put(b"y")) == "y"
    assert record.tail.sources == {"field": "exit"}
    assert record.tail.unread is None


def test_no_reading_at_all_has_the_reason_of_the_first(record: Record) -> None:
    assert read(RACY, record.tail, FAULT, NO_COPY, NO_COPY) is None
    assert record.tail.sources is None
    assert record.tail.unread == {"field": REASONS[FAULT]}


def test_a_string_that_only_entry_and_exit_read(record: Record) -> None:
    spec = RacyText("const char *", "Racy.", members=("a", "b"))
    assert read(spec, record.tail, FAULT, record.put(b"y")) == "y"
    assert record.tail.sources == {"field": "exit"}
    assert read(spec, record.tail, record.put(b"x"), record.put(b"y")) == "x"
    assert record.tail.differences == ()


@pytest.mark.parametrize(
    ("entry", "kernel", "differs"),
    [
        ((b"abcd", False), (b"ab", True), False),
        ((b"ab", True), (b"abcd", False), False),
        ((b"axcd", False), (b"ab", True), True),
        ((b"ax", True), (b"ab", True), True),
        ((b"abc", True), (b"ab", True), False),
        ((b"a", False), (b"ab", True), True),
    ],
)
def test_what_is_cut_is_compared_as_far_as_it_goes(
    entry: tuple[bytes, bool], kernel: tuple[bytes, bool], differs: bool
) -> None:
    record = Record()
    locs = [record.put(raw, cut=cut) for raw, cut in (entry, kernel)]
    read(RACY, record.tail, *locs, FAULT)
    assert bool(record.tail.differences) == differs


def test_a_copy_that_the_kernel_cuts_is_no_difference() -> None:
    spec = RacyText("const char *", "Racy.", members=("a", "b", "c"), limit=4)
    for entry, kernel, differs in ((b"abcdef", b"abcd", False), (b"abcdef", b"abc", True), (b"abxdef", b"abcd", True)):
        record = Record()
        read(spec, record.tail, record.put(entry), record.put(kernel), FAULT)
        assert bool(record.tail.differences) == differs


def test_racy_text_is_of_user_space_unless_it_says_otherwise() -> None:
    assert RACY.tags == (U, TOCTOU)
    assert RacyText("x", "X.", U, TOCTOU, OPT, members=("a", "b")).tags == (U, TOCTOU, OPT)
    assert Spec("x", "X.").tags == (K,)


def file_values(record: Record, path: bytes | int = b"b\0a\0", inode: int = 5, nlink: int = 1) -> tuple[int, ...]:
    loc = path if isinstance(path, int) else record.put(path)
    return 8 << 20 | 1, loc, inode, 99, nlink


FILE = File("struct file *", "File.")
RACY_FILE = RacyFile("struct file *", "File.")


def test_a_file(record: Record) -> None:
    assert read(FILE, record.tail, *file_values(record)) == FileId("/a/b", "8:1", 5, 99)
    assert read(FILE, record.tail, *file_values(record, nlink=0)) == FileId("/a/b", "8:1", 5, 99, deleted=True)
    assert record.tail.unread is None


def test_a_file_without_a_path_has_the_reason(record: Record) -> None:
    assert read(FILE, record.tail, *file_values(record, FAULT)) == FileId(None, "8:1", 5, 99)
    assert record.tail.unread == {"field.path": REASONS[FAULT]}


def test_no_file_has_the_reason(record: Record) -> None:
    assert read(FILE, record.tail, 0, NO_COPY, 0, 0, 0) is None
    assert record.tail.unread == {"field": REASONS[NO_COPY]}


def test_the_file_that_the_kernel_read_from_counts(record: Record) -> None:
    entry, kernel = file_values(record), file_values(record, b"c\0", 6)
    assert read(RACY_FILE, record.tail, *entry, *entry) == FileId("/a/b", "8:1", 5, 99)
    assert record.tail.differences == ()
    assert record.tail.sources == {"field": "kernel"}
    found = read(RACY_FILE, record.tail, *entry, *kernel)
    assert found == FileId("/c", "8:1", 6, 99)
    assert record.tail.differences == (Difference("field", FileId("/a/b", "8:1", 5, 99), found),)


def test_without_that_the_file_of_the_descriptor_counts(record: Record) -> None:
    none = (0, NO_COPY, 0, 0, 0)
    assert read(RACY_FILE, record.tail, *file_values(record), *none) == FileId("/a/b", "8:1", 5, 99)
    assert record.tail.sources == {"field": "entry"}
    record.tail.sources = None
    assert read(RACY_FILE, record.tail, *none, *none) is None
    assert record.tail.sources is None
    assert record.tail.unread == {"field": REASONS[NO_COPY]}


def test_a_value_that_no_record_has() -> None:
    spec = Joined("bool", "Joined.")
    assert spec.names("field") == ()
    assert read(spec, Record().tail) is None


def test_a_function_of_ones_own() -> None:
    spec = Convert("int", "Sum.", K, members=("a", "b"), function=lambda _tail, a, b: a + b)
    assert spec.names("field") == ("a", "b")
    assert read(spec, Record().tail, 2, 3) == 5


def test_members_are_those_of_the_field_unless_it_says_otherwise() -> None:
    assert Spec("int", "X.").names("pid") == ("pid",)
    parts = ("dev", "path", "inode", "ctime", "nlink")
    assert FILE.names("exe") == tuple(f"exe.{part}" for part in parts)
    assert RACY_FILE.names("file") == tuple(f"{name}.{part}" for name in ("file", "file_kernel") for part in parts)


def test_a_number_is_taken_as_it_is_and_needs_no_function() -> None:
    assert Spec("int", "X.").direct
    with pytest.raises(NotImplementedError):
        Spec("int", "X.").convert("field")
    assert not any(kind.direct for kind in (Hex, Text, Texts, Path, RacyText, File, RacyFile, Flags, Convert, Joined))
