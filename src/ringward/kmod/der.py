"""Values of DER (ITU-T X.690), as far as signatures of modules need them; every length is checked."""

from __future__ import annotations

INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
CONTEXT = 0xA0
"""Tag [0], constructed; [1] is one more."""


class DerError(ValueError):
    """The bytes are not the DER that they should be.

    Attributes:
        offset: in bytes, where.

    """

    def __init__(self, why: str, offset: int) -> None:
        super().__init__(why)
        self.offset = offset


class Value:
    """One value.

    Attributes:
        tag: its first byte.
        data: all bytes that it stands in.
        whole: offset at which it begins, its tag included.
        start: offset of its contents.
        end: offset behind it.

    """

    __slots__ = ("data", "end", "start", "tag", "whole")

    def __init__(self, data: bytes, at: int, end: int, what: str) -> None:
        """Read the value at an offset, which must end at `end` or before; `what` is said in errors."""
        self.data = data
        self.whole = at
        if end - at < 2:
            raise DerError(f"{what} is missing", at)
        self.tag = data[at]
        size = data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if self.tag & 0x1F == 0x1F or not 1 <= count <= 4 or end - at < count:
                raise DerError(f"{what} has a length that is not DER's", at)
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if size > end - at:
            raise DerError(f"{what} is cut off", at)
        self.start = at
        self.end = at + size

    @property
    def contents(self) -> bytes:
        """Return its bytes."""
        return self.data[self.start : self.end]

    def items(self, what: str) -> list[Value]:
        """Return the values that it is made of."""
        found = []
        at = self.start
        while at < self.end:
            found.append(Value(self.data, at, self.end, what))
            at = found[-1].end
        return found

    def expect(self, tag: int, what: str) -> Value:
        """Return itself if it has that tag.

        Raises:
            DerError: it has another.

        """
        if self.tag != tag:
            raise DerError(f"{what} has tag {self.tag:#x}, not {tag:#x}", self.whole)
        return self


class Items:
    """The values in a sequence, taken one after the other."""

    __slots__ = ("_end", "at", "data")

    def __init__(self, of: Value) -> None:
        self.data = of.data
        self.at = of.start
        self._end = of.end

    def take(self, tag: int, what: str) -> Value:
        """Return the next value.

        Raises:
            DerError: there is none, or it has another tag.

        """
        value = Value(self.data, self.at, self._end, what).expect(tag, what)
        self.at = value.end
        return value

    def maybe(self, tag: int, what: str) -> Value | None:
        """Return the next value if it has that tag."""
        if self.at < self._end and self.data[self.at] == tag:
            return self.take(tag, what)
        return None
