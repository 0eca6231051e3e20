from __future__ import annotations

import gzip
import lzma
import os
import random
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ringward.kmod.compression import compression, decompress, read_file, read_many, read_module
from ringward.kmod.errors import KmodError
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.elf_builder import GLOBAL, Module

LIMIT = 1 << 24


def kernel_xz(data: bytes, check: int = lzma.CHECK_CRC32, **options: int) -> bytes:
    """Compress as the kernel's build does: one block of LZMA2 with a dictionary of 1 MiB."""
    return lzma.compress(data, check=check, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20} | options])


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


def unsized_zstd(data: bytes) -> bytes:
    """A frame that does not say how much it holds."""
    compressor = zstandard.ZstdCompressor(level=3, write_content_size=False).compressobj()
    return compressor.compress(data) + compressor.flush()


def x86_xz(data: bytes) -> bytes:
    return lzma.compress(data, filters=[{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}])


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz of the kernel": kernel_xz,
    "xz with CRC64": lzma.compress,
    "xz with SHA-256": lambda data: kernel_xz(data, lzma.CHECK_SHA256),
    "xz without a check": lambda data: kernel_xz(data, lzma.CHECK_NONE),
    "xz with the x86 filter": x86_xz,
    "zstd": zstd,
    "zstd of unknown size": unsized_zstd,
}
COMPRESSED = {name: form for name, form in FORMS.items() if name != "plain"}


def like_code(size: int, seed: int = 1) -> bytes:
    """Bytes that compress as a module does: some repeat from near, some from far, some never."""
    chance = random.Random(seed)
    data = bytearray(Module([b"license=GPL"], [(b"printk", GLOBAL)]).build())
    while len(data) < size:
        if chance.random() < 0.5:
            data += chance.randbytes(chance.randrange(1, 40))
        else:
            start = chance.randrange(len(data))
            data += data[start : start + chance.randrange(2, 300)]
    return bytes(data[:size])


DATA = like_code(150_000)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("size", [1, 273, 4096, 65536, 150_000])
def test_every_form_gives_back_what_went_in(form: Callable[[bytes], bytes], size: int) -> None:
    data = DATA[:size]
    assert decompress(form(data), "x", LIMIT) == data


def test_empty_ones() -> None:
    for form in FORMS.values():
        assert decompress(form(b""), "x", LIMIT) == b""


def test_what_compresses_it_is_told_by_the_first_bytes() -> None:
    assert compression(kernel_xz(b"x")) == "xz"
    assert compression(gzip.compress(b"x")) == "gzip"
    assert compression(zstd(b"x")) == "zstd"
    assert compression(b"\x7fELF") is None
    assert compression(b"") is None


@pytest.mark.parametrize("form", COMPRESSED.values(), ids=COMPRESSED)
def test_several_streams_are_one(form: Callable[[bytes], bytes]) -> None:
    assert decompress(form(DATA[:5000]) + form(DATA[5000:9000]), "x", LIMIT) == DATA[:9000]


def test_what_may_stand_behind_a_stream() -> None:
    assert decompress(kernel_xz(b"abc") + bytes(8), "x") == b"abc"
    assert decompress(gzip.compress(b"abc") + b"junk", "x") == b"abc"
    with pytest.raises(KmodError):
        decompress(kernel_xz(b"abc") + b"junk", "x")


@pytest.mark.parametrize("form", COMPRESSED.values(), ids=COMPRESSED)
def test_cut_off_anywhere(form: Callable[[bytes], bytes]) -> None:
    data = form(DATA[:3000])
    for size in range(6, len(data)):
        with pytest.raises(KmodError) as found:
            decompress(data[:size], "x.ko", LIMIT)
        assert (found.value.path, found.value.offset) == ("x.ko", size)
        assert "cut off" in found.value.why


def with_check(name: str) -> bool:
    return name not in {"xz without a check", "zstd", "zstd of unknown size"}


@pytest.mark.parametrize("name", COMPRESSED)
def test_damage_is_told_or_the_data_is_right(name: str) -> None:
    data = COMPRESSED[name](DATA[:3000])
    for at in range(6, len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        offset: int | None = 0
        found = DATA[:3000]
        try:
            found = decompress(damaged, "x.ko", LIMIT)
        except KmodError as error:
            offset = error.offset
        assert offset is not None
        assert 0 <= offset <= len(damaged)
        assert not with_check(name) or found == DATA[:3000]


def test_the_offset_is_where_the_decoder_gave_up() -> None:
    data = zlib.compress(DATA, wbits=31)
    damaged = data[:20_000] + bytes(40) + data[20_040:]
    with pytest.raises(KmodError) as found:
        decompress(damaged, "x")
    assert found.value.offset is not None
    assert 20_000 <= found.value.offset < len(data)
    decoder = zlib.decompressobj(31)
    decoder.decompress(damaged[: found.value.offset])
    with pytest.raises(zlib.error):
        decoder.decompress(damaged[found.value.offset : found.value.offset + 1])


@pytest.mark.parametrize("form", COMPRESSED.values(), ids=COMPRESSED)
def test_more_than_the_limit_is_a_fault_and_takes_no_memory(form: Callable[[bytes], bytes]) -> None:
    bomb = form(bytes(1 << 22)) * 16
    tracemalloc.start()
    with pytest.raises(KmodError, match="more than the limit of 1000000 bytes"):
        decompress(bomb, "x", 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 25
    assert decompress(form(DATA), "x", len(DATA)) == DATA
    with pytest.raises(KmodError, match="limit"):
        decompress(form(DATA), "x", len(DATA) - 1)


def test_a_stream_that_wants_a_huge_window() -> None:
    wide = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True, write_content_size=False)
    ).compressobj()
    with pytest.raises(KmodError, match="zstd"):
        decompress(wide.compress(DATA) + wide.flush(), "x")
    # Only the header counts: a dictionary of 1.5 GiB is announced.
    data = bytearray(lzma.compress(DATA))
    header = 12
    data[header + 4] = 38
    size = (data[header] + 1) * 4
    data[header + size - 4 : header + size] = zlib.crc32(data[header : header + size - 4]).to_bytes(4, "little")
    with pytest.raises(KmodError, match="xz"):
        decompress(bytes(data), "x")


@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_damage_is_what_liblzma_says_it_is(changes: list[tuple[int, int]]) -> None:
    packed = bytearray(kernel_xz(DATA[:2000]))
    for at, value in changes:
        packed[at % len(packed)] = value
    if compression(bytes(packed)) is None:
        return
    try:
        theirs: bytes | None = lzma.decompress(bytes(packed))
    except lzma.LZMAError:
        theirs = None
    try:
        ours: bytes | None = decompress(bytes(packed), "x", LIMIT)
    except KmodError:
        ours = None
    assert ours == theirs


def test_blocks_of_which_there_are_several(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(DATA)
    for options in (["--block-size=20000"], ["--block-size=16384", "-T2"], ["--block-list=5,70000,0"]):
        subprocess.run(["xz", "-k", "-f", "--check=crc32", *options, str(tmp_path / "x")], check=True)
        assert decompress((tmp_path / "x.xz").read_bytes(), "x", LIMIT) == DATA


def test_real_modules_are_what_xz_unpacks(kernel_tree: KernelTree) -> None:
    paths = [line.path for line in Tree(kernel_tree.base, kernel_tree.version).lines()][::200]
    for path in paths:
        if path.endswith(".xz"):
            theirs = subprocess.run(["xz", "-dc", path], check=True, capture_output=True).stdout
            assert read_module(path) == theirs, path
        else:
            assert decompress(kernel_xz(read_file(path)), path) == read_file(path)


# Files.


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_module(str(tmp_path / "no.ko"))
    with pytest.raises(IsADirectoryError):
        read_module(str(tmp_path))
    os.mkfifo(tmp_path / "fifo.ko")
    with pytest.raises(KmodError, match="not a regular file"):
        read_module(str(tmp_path / "fifo.ko"))
    with pytest.raises(KmodError, match="not a regular file"):
        read_module("/dev/zero")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(KmodError, match="larger than the limit"):
        read_module(str(tmp_path / "sparse"))


def test_a_file_that_the_kernel_makes_as_it_is_read() -> None:
    assert read_file("/proc/version") == b""  # it says that it has no bytes: no module's file does


@pytest.mark.parametrize("threads", [1, 2, 3, None])
def test_many_files_come_in_their_order(tmp_path: Path, threads: int | None) -> None:
    paths = []
    for number in range(40):
        path = tmp_path / f"{number}.ko"
        path.write_bytes(list(FORMS.values())[number % len(FORMS)](str(number).encode() * number))
        paths.append(str(path))
    paths[7] = str(tmp_path / "absent")
    (tmp_path / "9.ko").write_bytes(kernel_xz(b"x")[:-1])
    found = list(read_many(paths, threads))
    assert [path for path, _ in found] == paths
    for number, (_, image) in enumerate(found):
        if number == 7:
            assert isinstance(image, FileNotFoundError)
        elif number == 9:
            assert isinstance(image, KmodError)
        else:
            assert image == str(number).encode() * number
