from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.trust.packed import SIZE, PackedDigests
from ringward.trust.rules import UNKNOWN

DIGESTS = st.binary(min_size=SIZE, max_size=SIZE)


@given(st.dictionaries(DIGESTS, st.integers(1, (1 << 32) - 1), max_size=20), DIGESTS)
def test_it_is_a_dictionary(known: dict[bytes, int], other: bytes) -> None:
    packed = PackedDigests(b"".join(sorted(known)), array("I", [known[each] for each in sorted(known)]))
    assert len(packed) == len(known)
    for digest in (*known, other):
        assert packed.find(digest) == known.get(digest, UNKNOWN)


def test_what_does_not_fit_together() -> None:
    for digests, values in ((bytes(32), array("I")), (bytes(31), array("I", [1])), (bytes(32), array("Q", [1]))):
        with pytest.raises(ValueError, match="bytes of digests"):
            PackedDigests(digests, values)
