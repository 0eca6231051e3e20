from __future__ import annotations

from pathlib import Path

import pytest

from ringward.trust.places import Places
from ringward.trust.sources.modules import Certificates, version_of, versions
from tests.kmod.signing import key
from tests.trust.system import System


def test_versions(system: System) -> None:
    places = Places(str(system.root))
    assert versions(places) == []
    for name in ("6.12", "6.1"):
        system.path(f"/usr/lib/modules/{name}").mkdir(parents=True)
    system.write("/usr/lib/modules/README", b"")
    assert versions(places) == ["6.1", "6.12"]


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/usr/lib/modules/6.1/kernel/a.ko", "6.1"),
        ("/lib/modules/6.1/a.ko", "6.1"),
        ("/usr/lib/modules/6.1", ""),
        ("/lib/modules/\udcff/a.ko", "\\xff"),
        ("/opt/usr/lib/modules/6.1/a.ko", ""),
    ],
)
def test_whose_a_module_is(path: str, version: str) -> None:
    assert version_of(path) == version


def test_certificates_of_a_file(tmp_path: Path, system: System) -> None:
    file = tmp_path / "owner.pem"
    file.write_bytes(key("owner").pem)
    places = Places(str(system.root))
    none, one = Certificates(places), Certificates(places, (str(file),))
    assert none.of("6.1").certificates == []
    assert [each.der for each in one.of("6.1").certificates] == [key("owner").der]
    assert one.of("6.1") is one.of("6.1")
    assert none.fingerprint("6.1") != one.fingerprint("6.1") == one.fingerprint("6.12")
    assert (none.problems, one.problems) == ([], [])
    assert "No such file" in Certificates(places, (f"{file}.gone",)).problems[0]
