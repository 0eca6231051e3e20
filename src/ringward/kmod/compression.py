"""Module files as they are on disk: plain, or compressed with gzip, xz or zstd.

How a file is compressed is told by its first bytes, as the kernel and kmod do.
"""

from __future__ import annotations

import os

from ringward.kmod.errors import KmodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    class _Decoder(Protocol):
        """Of one stream; `unused_data` is what stood behind its end."""

        @property
        def eof(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...
        def decompress(self, data: bytes, /) -> bytes: ...

    class _Bounded(_Decoder, Protocol):
        """One that is told how many bytes it may give."""

        def decompress(self, data: bytes, most: int = ..., /) -> bytes: ...


SUFFIXES = (".ko", ".ko.gz", ".ko.xz", ".ko.zst")
"""Endings of a module's file name."""
LIMIT = 1 << 30
"""Bytes that a module may have, read or unpacked, unless the caller says otherwise."""
_MEMORY = 1 << 27
"""Bytes that a decoder may use for its window; `xz -9` needs 65 MiB, `zstd --ultra` 128."""
_PIECE = 512
"""Bytes given to a decoder at once where only that bounds what it makes of them; zstd makes at most 128 KiB of 4."""
MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""First bytes of a compressed file, and what it is compressed with."""


def compression(start: bytes) -> str | None:
    """Return what a file that starts so is compressed with: ``gzip``, ``xz``, ``zstd``; None: nothing known."""
    return next((name for magic, name in MAGIC.items() if start.startswith(magic)), None)


def read_file(path: str, limit: int = LIMIT) -> bytes:
    """Return a file's bytes.

    Args:
        path: of the file.
        limit: bytes that it may have.

    Raises:
        OSError: it cannot be read.
        KmodError: it is no regular file, or larger than the limit.

    """
    # O_NONBLOCK: a FIFO without a writer would be waited for.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        status = os.fstat(fd)
        if status.st_mode & 0o170000 == 0o040000:
            raise IsADirectoryError(21, os.strerror(21), path)
        if status.st_mode & 0o170000 != 0o100000:
            raise KmodError(path, "not a regular file")
        if status.st_size > limit:
            raise KmodError(path, f"larger than the limit of {limit} bytes for a module")
        parts = []
        left = status.st_size
        while left and (part := os.read(fd, left)):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(fd)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decompress(data: bytes, path: str = "", limit: int = LIMIT) -> bytes:
    """Return what a compressed file holds; bytes that are not compressed are returned as they are.

    Args:
        data: the file's bytes.
        path: named in errors.
        limit: bytes that there may be.

    Raises:
        KmodError: the stream is damaged, cut off, or holds more than the limit; the offset is where
            its decoder stood in the file, where that is known.

    """
    kind = compression(data)
    if kind is None:
        return data
    image = _one_stream(kind, data, limit)
    return _Streams(kind, data, path, limit).read() if image is None else image


def _one_stream(kind: str, data: bytes, limit: int) -> bytes | None:
    """Return what a file of one xz or gzip stream holds: one call, in which other threads can run.

    None: the file is not that, is damaged, or holds more than the limit.
    """
    if kind == "zstd":
        return None
    decoder, fault = _bounded(kind)
    try:
        image = decoder.decompress(data, limit + 1)
    except fault:
        return None
    return image if decoder.eof and not decoder.unused_data and len(image) <= limit else None


def read_module(path: str, limit: int = LIMIT) -> bytes:
    """Return the image in a module's file, unpacked; an appended signature is still at its end.

    Args:
        path: of the file.
        limit: bytes that the image may have.

    Raises:
        OSError: it cannot be read.
        KmodError: see `read_file` and `decompress`.

    """
    return decompress(read_file(path, limit), path, limit)


def read_many(paths: Iterable[str], threads: int | None = None) -> Iterator[tuple[str, bytes | Exception]]:
    """Yield path and image of each file, in the order of `paths`; several are unpacked at once.

    Args:
        paths: of the files.
        threads: how many are used; None: one for each processor that this process may use.

    Instead of an image there is the OSError or KmodError that `read_module` raised. No more than
    two images for each thread wait to be taken.

    """

    def read(path: str) -> tuple[str, bytes | Exception]:
        try:
            return path, read_module(path)
        except (OSError, KmodError) as error:
            return path, error

    from ringward.kmod.threads import in_threads  # noqa: PLC0415 - modprobe reads one file, and starts quickly

    return in_threads(read, paths, threads)


def _bounded(kind: str) -> tuple[_Bounded, type[Exception]]:
    """Return a decoder for one stream of xz or gzip, and what it raises."""
    if kind == "xz":
        import lzma  # noqa: PLC0415 - of plain modules nobody needs it

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY), lzma.LZMAError
    import zlib  # noqa: PLC0415 - as above

    return zlib.decompressobj(16 + zlib.MAX_WBITS), zlib.error


def _decoder(kind: str) -> tuple[_Decoder, type[Exception]]:
    """Return a decoder for one stream, and what it raises."""
    if kind != "zstd":
        return _bounded(kind)
    import zstandard  # noqa: PLC0415 - of plain modules nobody needs it

    return zstandard.ZstdDecompressor(max_window_size=_MEMORY).decompressobj(), zstandard.ZstdError


class _Streams:
    """The streams of one file, one after the other."""

    def __init__(self, kind: str, data: bytes, path: str, limit: int) -> None:
        self.kind = kind
        self.data = memoryview(data)
        self.path = path
        self.limit = limit
        self.parts: list[bytes] = []
        self.size = 0

    def read(self) -> bytes:
        """Return what all of them hold."""
        at = 0
        while True:
            at = self._stream(at)
            # Between streams of xz there may be zeros; what stands behind gzip's is no concern of it (gzip(1)).
            if self.kind == "xz":
                while bytes(self.data[at : at + 4]) == b"\0\0\0\0":
                    at += 4
            if at == len(self.data) or (self.kind == "gzip" and compression(bytes(self.data[at : at + 2])) != "gzip"):
                return b"".join(self.parts)

    def _stream(self, start: int) -> int:
        """Unpack one stream; return the offset of its end."""
        decoder, fault = _decoder(self.kind)
        at = start
        while not decoder.eof:
            if at >= len(self.data):
                raise KmodError(self.path, f"the {self.kind} stream is cut off", len(self.data))
            piece = bytes(self.data[at : at + _PIECE])
            try:
                part = decoder.decompress(piece)
            except fault as error:
                raise KmodError(
                    self.path, f"damaged {self.kind} stream: {error}", self._fault(start, at, fault)
                ) from error
            at += len(piece)
            self.parts.append(part)
            self.size += len(part)
            if self.size > self.limit:
                raise KmodError(self.path, f"holds more than the limit of {self.limit} bytes for a module", at)
        return at - len(decoder.unused_data)

    def _fault(self, start: int, piece: int, fault: type[Exception]) -> int:
        """Return the offset of the byte at which the decoder gives up, which is in the piece at that offset."""
        decoder, _ = _decoder(self.kind)
        at = start
        try:
            while at < piece:
                decoder.decompress(bytes(self.data[at : at + _PIECE]))
                at += _PIECE
            while at < piece + _PIECE:
                decoder.decompress(bytes(self.data[at : at + 1]))
                at += 1
        except fault:
            pass
        return at
