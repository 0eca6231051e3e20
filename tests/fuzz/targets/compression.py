"""Compressed files: any bytes are unpacked, within a limit, or it is said where they are damaged."""

from __future__ import annotations

import gzip
import lzma

import zstandard

from ringward.kmod import compression
from ringward.kmod.compression import decompress
from ringward.kmod.errors import KmodError

COVERS = (
    compression.compression,
    compression.decompress,
    compression._one_stream,
    compression._bounded,
    compression._decoder,
    compression._Streams,
)
FLOOR = 98
RUNS = 2000
DICTIONARY = (*compression.MAGIC, b"\0\0\0\0", b"YZ", b"\x50\x2a\x4d\x18")
LIMIT = 1 << 20


def seeds() -> list[bytes]:
    texts = (b"", b"module " * 50, bytes(range(256)) * 3, bytes(2 << 20))
    found = [b"plain"]
    for content in texts:
        sized = zstandard.ZstdCompressor().compress(content)
        unsized = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(content)
        packed = [gzip.compress(content, mtime=0), lzma.compress(content, check=lzma.CHECK_CRC32), sized, unsized]
        filters = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}]
        packed.append(lzma.compress(content, check=lzma.CHECK_SHA256, filters=filters))
        found += packed
        found += [each + each for each in packed] + [each[:-3] for each in packed]
    found.append(lzma.compress(b"a") + bytes(8) + lzma.compress(b"b"))
    return [each for each in found if len(each) < 3000]


def one(data: bytes) -> None:
    try:
        found = decompress(data, "x.ko.xz", LIMIT)
    except KmodError as error:
        assert error.path == "x.ko.xz"
        assert error.offset is None or 0 <= error.offset <= len(data)
    else:
        assert len(found) <= max(LIMIT, len(data))
