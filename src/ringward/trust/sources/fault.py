"""What could not be looked at."""

from __future__ import annotations

from typing import NamedTuple, Self


class Fault(NamedTuple):
    """Something that could not be looked at, so that nothing is known of it.

    Attributes:
        path: of the file or directory, as the looked at system has it.
        why: it could not.

    """

    path: str
    why: str

    @classmethod
    def of(cls, path: str, error: OSError) -> Self:
        """Return that of an error of the system."""
        return cls(path, error.strerror or str(error))
