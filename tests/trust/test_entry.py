from __future__ import annotations

from ringward.trust.entry import SHORT, SURVEYED, Source, plain, short


def test_a_digests_id_is_its_beginning() -> None:
    assert short(bytes(range(32))) == bytes(range(32)).hex()[:SHORT]


def test_what_somebody_decided_is_not_a_surveys() -> None:
    assert SURVEYED.isdisjoint({Source.HAND, Source.APPROVED, Source.IMPORT})
    assert SURVEYED | {Source.HAND, Source.APPROVED, Source.IMPORT} == set(Source)


def test_bytes_that_are_no_text_are_written_out() -> None:
    assert plain("a\udcff\u00e9") == "a\\xff\u00e9"
    assert plain("plain") == "plain"
