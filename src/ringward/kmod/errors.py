"""What is wrong with a file of the module tools."""

from __future__ import annotations


class KmodError(Exception):
    """A file that is not what it should be.

    Args:
        path: of the file, as the user knows it.
        why: what is wrong.
        offset: in bytes, where; None: the file as a whole.

    """

    def __init__(self, path: str, why: str, offset: int | None = None) -> None:
        super().__init__(path, why, offset)
        self.path = path
        self.why = why
        self.offset = offset

    def __str__(self) -> str:
        at = "" if self.offset is None else f"offset {self.offset}: "
        return f"{self.path}: {at}{self.why}"
