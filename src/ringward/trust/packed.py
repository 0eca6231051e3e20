"""Digests as the kernel part takes them: sorted, one behind the other, and a number for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left

from ringward.trust.rules import UNKNOWN

SIZE = 32
"""Bytes of a digest."""


class PackedDigests:
    """Digests and their values; a `rules.Known`.

    Args:
        digests: sorted, `SIZE` bytes each.
        values: of each, in the same order: C's uint32_t.

    Attributes:
        digests: as given.
        values: as given.

    """

    __slots__ = ("digests", "values")

    def __init__(self, digests: bytes, values: array[int]) -> None:
        if len(digests) != SIZE * len(values) or values.itemsize != 4:
            raise ValueError(f"{len(digests)} bytes of digests, {len(values)} values of {values.itemsize} bytes")
        self.digests = digests
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def find(self, digest: bytes) -> int:
        """Return a digest's value; `UNKNOWN` of any other."""
        at = bisect_left(_Column(self.digests), digest)
        return self.values[at] if self.digests[at * SIZE : (at + 1) * SIZE] == digest else UNKNOWN


class _Column:
    """The digests as a sequence."""

    __slots__ = ("digests",)

    def __init__(self, digests: bytes) -> None:
        self.digests = digests

    def __len__(self) -> int:
        return len(self.digests) // SIZE

    def __getitem__(self, index: int) -> bytes:
        return self.digests[index * SIZE : (index + 1) * SIZE]
