"""Names of io_uring's operations and their flags."""

from __future__ import annotations

import pytest

from ringward.events.io_uring_ops import OPERATIONS, SQE_FLAGS, operation, operation_flags


def test_operations_are_numbered_as_the_kernel_has_them() -> None:
    known = {0: "NOP", 18: "OPENAT", 19: "CLOSE", 22: "READ", 36: "UNLINKAT", 46: "URING_CMD", 62: "PIPE"}
    assert {number: operation(number) for number in known} == known
    assert len(OPERATIONS) == len(set(OPERATIONS)) == 63


def test_one_that_is_newer_than_the_table_is_its_number() -> None:
    assert operation(63) == "63"
    assert operation_flags(255, 3) == ("0x3",)


def test_flags_of_a_submission_are_one_bit_each() -> None:
    assert SQE_FLAGS[1] == "IOSQE_FIXED_FILE"
    assert SQE_FLAGS[64] == "IOSQE_CQE_SKIP_SUCCESS"
    assert all(bit.bit_count() == 1 for bit in SQE_FLAGS)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OPENAT", 0x42, ("O_RDWR", "O_CREAT")),
        ("OPENAT2", 0, ("O_RDONLY",)),
        ("UNLINKAT", 0x200, ("AT_REMOVEDIR",)),
        ("RENAMEAT", 1, ("RENAME_NOREPLACE",)),
        ("LINKAT", 0, ()),
        ("READ", 0, ()),
    ],
)
def test_an_operation_has_flags_of_its_own(name: str, value: int, words: tuple[str, ...]) -> None:
    assert operation_flags(OPERATIONS.index(name), value) == words
