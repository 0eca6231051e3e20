from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ringward.trust.entry import Kind, Source
from ringward.trust.judge import NO_CHECKSUM, judge
from ringward.trust.look import NOTHING, Looked, look
from ringward.trust.places import Places
from ringward.trust.sources.dpkg import Dpkg, Owner

DIGEST, IMAGE, MD5 = b"d" * 32, b"i" * 32, b"m" * 16
FOUND = Looked(Kind.SCRIPT, DIGEST, md5=MD5)
GOOD = Owner("good", "1.0", MD5)
BAD = Owner("bad", "2.0", b"x" * 16)


@pytest.mark.parametrize(
    ("owners", "named", "source", "package", "why"),
    [
        ([GOOD], None, "dpkg", "good", ""),
        ([GOOD], Source.DIRECTORY, "dpkg", "good", ""),
        ([BAD, GOOD], None, "dpkg", "good", ""),
        ([BAD], None, "", "bad", "it differs from that of bad 2.0"),
        ([BAD], Source.DIRECTORY, "directory", "bad", "it differs from that of bad 2.0; its place was named"),
        ([], None, "", "", "it is of no package"),
        ([], Source.DIRECTORY, "directory", "", "it is of no package; its place was named"),
        ([Owner("none", "1")], None, "", "none", "none has no checksum of it"),
        ([Owner("none", "1"), BAD], None, "", "bad", "it differs from that of bad 2.0"),
        ([Owner("s", "1", script=True)], None, "dpkg", "s", NO_CHECKSUM),
        (
            [Owner("conf", "3", b"x" * 16, conffile=True)],
            None,
            "",
            "conf",
            "a configuration file of conf 3 that was changed here",
        ),
    ],
)
def test_who_vouches(owners: list[Owner], named: Source | None, source: str, package: str, why: str) -> None:
    (one,) = judge(FOUND, "/x", owners, named, "")
    assert (one.source, one.item.package, one.why) == (source, package, why)
    assert (one.item.digest, one.item.kind, one.item.path) == (DIGEST, "script", "/x")


def test_an_unasked_checksum_vouches_for_nothing() -> None:
    # Neither side has an MD5: equal, and no reason to trust.
    (one,) = judge(FOUND._replace(md5=b""), "/x", [Owner("p", "1", b"")], None, "")
    assert one.source == ""


def test_what_is_no_code_is_nothing() -> None:
    assert judge(NOTHING, "/x", [GOOD], Source.DIRECTORY, "") == []


def test_a_compressed_module_is_two_digests() -> None:
    looked = Looked(Kind.MODULE_FILE, DIGEST, IMAGE, MD5, "m", "0a", "valid")
    found = judge(looked, "/lib/modules/6.1/m.ko.xz", [GOOD], None, "6.1")
    assert [(one.item.digest, one.item.kind) for one in found] == [(DIGEST, "module file"), (IMAGE, "module image")]
    for one in found:
        assert one.source == "dpkg"
        assert (one.item.name, one.item.signer, one.item.signature) == ("m", "0a", "valid")
        assert one.item.version == "1.0"


def test_a_plain_module_is_one_and_without_a_package_has_its_kernels_version() -> None:
    looked = Looked(Kind.MODULE_IMAGE, DIGEST, DIGEST, name="m")
    (one,) = judge(looked, "/lib/modules/6.1/m.ko", [], Source.MODULES, "6.1")
    assert (one.item.kind, one.item.version, one.source) == ("module image", "6.1", "modules")


def test_this_machines_packages_are_judged_as_dpkg_does() -> None:
    names = ("bash", "coreutils", "dpkg", "kmod", "libc6:amd64", "nodejs", "procps", "udev", "xz-utils")
    dpkg = Dpkg(Places())
    judged = {}
    for path, owners in dpkg.owners.items():
        if {owner.package for owner in owners} & set(names) and Path(path).is_file() and not Path(path).is_symlink():
            for one in judge(look(path, md5=True)[0], path, owners, None, ""):
                judged[path] = one.source
    told = subprocess.run(
        ["dpkg", "--verify", *(name for name, _ in dpkg.installed if name in names)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    differs = {line[line.index("/") :] for line in told.splitlines() if line[2] == "5"}
    assert len(judged) > 200
    assert {path for path, source in judged.items() if not source} == {os.path.realpath(p) for p in differs} & set(
        judged
    )
