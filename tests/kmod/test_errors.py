"""What is said of a file that is not what it should be."""

from __future__ import annotations

import pytest

from ringward.kmod.errors import KmodError


@pytest.mark.parametrize(
    ("offset", "said"),
    [(None, "/lib/x.ko: not ELF"), (0, "/lib/x.ko: offset 0: not ELF"), (18, "/lib/x.ko: offset 18: not ELF")],
)
def test_the_file_and_the_place_are_named(offset: int | None, said: str) -> None:
    error = KmodError("/lib/x.ko", "not ELF", offset)
    assert str(error) == said
    assert (error.path, error.why, error.offset) == ("/lib/x.ko", "not ELF", offset)
