from __future__ import annotations

import hashlib

from ringward.trust.entry import SHORT, SURVEYED, Kind, Source, alias, plain, short


def test_a_digests_id_is_its_beginning() -> None:
    assert short(bytes(range(32))) == bytes(range(32)).hex()[:SHORT]


def test_what_somebody_decided_is_not_a_surveys() -> None:
    assert SURVEYED.isdisjoint({Source.HAND, Source.APPROVED, Source.IMPORT})
    assert SURVEYED | {Source.HAND, Source.APPROVED, Source.IMPORT} == set(Source)


def test_an_alias_has_the_digest_of_its_text() -> None:
    found = alias("net-pf-29")
    assert (found.digest, found.kind, found.path, found.name) == (
        hashlib.sha256(b"net_pf_29").digest(),
        Kind.ALIAS,
        "",
        "net_pf_29",
    )
    assert alias("net_pf-29") == found
    assert alias("fs-\udcff").digest == hashlib.sha256(b"fs_\xff").digest()
    assert alias("fs-\udcff").name == "fs_\\xff"


def test_bytes_that_are_no_text_are_written_out() -> None:
    assert plain("a\udcff\u00e9") == "a\\xff\u00e9"
    assert plain("plain") == "plain"
