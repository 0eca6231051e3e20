from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringward.kmod.verify import UNSIGNED, VALID
from ringward.trust import survey as surveying
from ringward.trust.judge import Judgement
from ringward.trust.sources.directory import Listed, listed
from ringward.trust.survey import Progress, Scope, Survey, survey
from tests.kmod.signing import key
from tests.trust.system import OTHER_SCRIPT, SCRIPT, System, age, library, program, sha256


def look(system: System, *directories: str, memory: surveying.Memory | None = None, **more: tuple[str, ...]) -> Survey:
    return survey(Scope(str(system.root), directories, **more), memory)


def at(found: Survey, path: str) -> Judgement:
    (one,) = (each for each in found.judgements if each.item.path == path)
    return one


def test_every_kind_of_file(system: System, tmp_path: Path) -> None:
    system.package(
        "tools",
        {
            "/bin/true": program(),
            "/usr/lib/libm.so.6": library(),
            "/usr/bin/script": SCRIPT,
            "/usr/share/doc/tools/README": b"text",
        },
    )
    system.write("/usr/share/doc/tools/README", b"text", 0o644)
    module = system.module(tmp_path, "m")
    found = look(system)
    assert found.faults == []
    assert found.packaged
    kinds = {(one.item.path, one.item.kind, one.source) for one in found.judgements}
    assert kinds == {
        ("/usr/bin/true", "program", "dpkg"),
        ("/usr/lib/libm.so.6", "library", "dpkg"),
        ("/usr/bin/script", "script", "dpkg"),
        (module, "module file", ""),
        (module, "module image", ""),
    }
    for one in found.judgements:
        if one.item.kind == "module image":
            unpacked = subprocess.run(["xz", "-dc", system.path(module)], capture_output=True, check=True).stdout
            assert one.item.digest == hashlib.sha256(unpacked).digest() == sha256(tmp_path / "m.ko")
            assert (one.item.name, one.item.signature, one.item.version) == ("m", UNSIGNED, "6.1")
        else:
            assert one.item.digest == sha256(system.path(one.item.path))
    assert [one.item.path for one in found.judgements] == sorted(one.item.path for one in found.judgements)


def test_a_file_that_differs_from_its_package_is_not_trusted(system: System) -> None:
    system.package("tools", {"/usr/bin/script": SCRIPT, "/etc/init.d/x": SCRIPT}, conffiles=["/etc/init.d/x"])
    system.write("/usr/bin/script", OTHER_SCRIPT)
    system.write("/etc/init.d/x", OTHER_SCRIPT)
    found = look(system)
    assert at(found, "/usr/bin/script").source == ""
    assert at(found, "/usr/bin/script").why == "it differs from that of tools 1.0"
    assert "that was changed here" in at(found, "/etc/init.d/x").why
    # dpkg says the same.
    told = subprocess.run(
        ["dpkg", f"--root={system.root}", "--verify", "tools"], capture_output=True, text=True, check=False
    )
    lines = {line.split()[-1] for line in told.stdout.splitlines()}
    assert lines == {"/usr/bin/script", "/etc/init.d/x"}


def test_a_file_beyond_the_usual_places_is_found_by_its_package(system: System) -> None:
    system.package("game", {"/srv/game/run": SCRIPT})
    system.write("/srv/other", SCRIPT)
    found = look(system)
    assert at(found, "/srv/game/run").source == "dpkg"
    assert len(found.judgements) == 1


def test_named_directories(system: System) -> None:
    system.write("/usr/local/bin/mine", SCRIPT)
    system.write("/srv/bin/mine", SCRIPT)
    system.write("/usr/bin/strange", SCRIPT)
    found = look(system, "/usr/local", "/srv/bin")
    assert at(found, "/usr/local/bin/mine").source == "directory"
    assert at(found, "/srv/bin/mine").source == "directory"
    assert at(found, "/usr/bin/strange").source == ""
    # A name that begins alike is another directory.
    system.write("/usr/localhost/x", SCRIPT)
    assert at(look(system, "/usr/local"), "/usr/localhost/x").source == ""


def test_links_that_lead_in_a_circle(system: System) -> None:
    system.path("/opt").symlink_to("/opt")
    system.write("/usr/bin/x", SCRIPT)
    found = look(system, "/opt/x")
    assert [one.item.path for one in found.judgements] == ["/usr/bin/x"]
    assert {fault.path for fault in found.faults} == {"/opt", "/opt/x"}
    assert {fault.why for fault in found.faults} == {"Too many levels of symbolic links"}


def test_a_named_directory_must_be_there(system: System) -> None:
    (fault,) = look(system, "/nowhere").faults
    assert fault == ("/nowhere", "No such file or directory")


def test_a_named_kernel_is_for_modules_alone(system: System, tmp_path: Path) -> None:
    module = system.module(tmp_path, "m", compress=False)
    other = system.module(tmp_path, "n", version="6.12")
    system.write("/usr/lib/modules/6.1/tool", SCRIPT)
    found = look(system, kernels=("6.1",))
    assert at(found, module).source == "modules"
    assert at(found, "/usr/lib/modules/6.1/tool").source == ""
    assert {one.source for one in found.judgements if one.item.path == other} == {""}


def test_what_could_not_be_looked_at_is_told(system: System, tmp_path: Path) -> None:
    module = system.module(tmp_path, "m")
    path = system.path(module)
    path.write_bytes(path.read_bytes()[:-20])
    found = look(system)
    assert found.judgements == []
    (fault,) = found.faults
    assert fault.path == module
    assert "cut off" in fault.why


def test_a_missing_certificate_file_is_told(system: System) -> None:
    assert "No such file" in look(system, certificates=("/nowhere.pem",)).faults[0].why


def test_the_second_time_only_what_was_changed_is_read(system: System, tmp_path: Path) -> None:
    system.package("tools", {"/usr/bin/a": program(), "/usr/bin/b": SCRIPT, "/usr/bin/c": SCRIPT})
    system.write("/usr/share/text", b"text", 0o644)
    module = system.module(tmp_path, "m")
    age(system.path(module))
    first = look(system)
    assert (first.read, first.files) == (4, 5)
    assert len(first.memory) == 5
    again = look(system, memory=first.memory)
    assert (again.read, again.size) == (0, 0)
    assert again.judgements == first.judgements
    assert again.memory == first.memory
    system.path("/usr/bin/b").write_bytes(OTHER_SCRIPT)
    system.path("/usr/bin/c").unlink()
    system.path("/usr/share/text").chmod(0o755)  # its identity is another one: ctime
    third = look(system, memory=first.memory)
    assert third.read == 1
    assert at(third, "/usr/bin/b").item.digest == hashlib.sha256(OTHER_SCRIPT).digest()
    assert at(third, "/usr/bin/a") == at(first, "/usr/bin/a")
    assert "/usr/bin/c" not in {one.item.path for one in third.judgements}
    # What was changed just now is not remembered: the clock of ctime is too coarse.
    assert len(third.memory) == 2


def test_a_change_that_keeps_size_and_mtime_is_seen(system: System) -> None:
    system.package("tools", {"/usr/bin/a": SCRIPT})
    path = system.path("/usr/bin/a")
    age(path)
    first = look(system)
    before = path.stat()
    path.write_bytes(OTHER_SCRIPT)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    found = look(system, memory=first.memory)
    assert at(found, "/usr/bin/a").source == ""


def test_a_remembered_file_that_a_package_takes_over_is_read_again(system: System) -> None:
    age(system.write("/usr/bin/a", SCRIPT))
    first = look(system)
    assert at(first, "/usr/bin/a").source == ""
    name = system.info / "a"
    name.with_suffix(".list").write_text("/.\n/usr/bin/a\n")
    md5 = hashlib.md5(SCRIPT, usedforsecurity=False).hexdigest()
    name.with_suffix(".md5sums").write_text(f"{md5}  usr/bin/a\n")
    system.status.append("Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n")
    system.write_status()
    second = look(system, memory=first.memory)
    assert (second.read, at(second, "/usr/bin/a").source) == (1, "dpkg")


def test_another_certificate_looks_at_the_signature_again(system: System, tmp_path: Path) -> None:
    module = system.module(tmp_path, "m", compress=False)
    path = system.path(module)
    owner = key("owner")
    path.write_bytes(owner.sign(path.read_bytes()))
    age(path)
    first = look(system)
    assert at(first, module).item.signature == "could not look"
    pem = tmp_path / "owner.pem"
    pem.write_bytes(owner.pem)
    second = look(system, memory=first.memory, certificates=(str(pem),))
    assert at(second, module).item.signature == VALID
    assert look(system, memory=second.memory, certificates=(str(pem),)).read == 0
    assert at(look(system, memory=second.memory), module).item.signature == "could not look"


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_any_number_of_threads_gives_the_same(system: System, threads: int) -> None:
    system.package("many", {f"/usr/bin/{number}": b"#!/bin/sh\n" + b"#" * number for number in range(300)})
    told: list[Progress] = []
    found = survey(Scope(str(system.root)), progress=told.append, threads=threads)
    assert found.read == 300
    assert all(one.source == "dpkg" for one in found.judgements)
    assert told
    assert [one.files for one in told] == sorted(one.files for one in told)
    parts = [one.part for one in told if one.part is not None]
    assert (told[0].part, parts[-1], told[-1].files) == (None, 1, 300)
    assert parts == sorted(parts)
    assert told[-1].size == found.size


def test_how_far_it_is_is_told_by_sizes(system: System) -> None:
    system.package("p", {f"/usr/bin/{number}": SCRIPT for number in range(600)})
    system.write("/usr/bin/large", b"#!/bin/sh\n" + b"#" * 50_000_000)
    told: list[Progress] = []
    survey(Scope(str(system.root)), progress=told.append)
    finding = [one for one in told if one.part is None]
    assert finding[-1].files == 601
    hashing = [one.part for one in told if one.part is not None]
    # All but the large one, which was hashed first.
    assert min(hashing) > 0.8
    assert len(hashing) >= 600


def test_large_files_are_hashed_while_others_are_found(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    system.write("/opt/large", b"#!/bin/sh\n" + b"#" * 1_000_000)
    system.write("/usr/bin/small", SCRIPT)
    begun = threading.Event()
    read = surveying.look

    def look_at(path: str, **more: Any) -> Any:
        if path.endswith("large"):
            begun.set()
        return read(path, **more)

    def found(*_: object, **more: bool) -> Iterator[tuple[str, list[Listed]]]:
        if not more:
            for name in ("/opt/large", "/usr/bin/small"):
                folder, one = listed(str(system.path(name)), system.path(name).lstat())
                yield folder, [one]
                assert begun.wait(20), "the first file was not hashed while the next was looked for"

    monkeypatch.setattr(surveying, "look", look_at)
    monkeypatch.setattr(surveying, "walk", found)
    survey_of = survey(Scope(str(system.root)), threads=2)
    assert {one.item.path for one in survey_of.judgements} == {"/opt/large", "/usr/bin/small"}


def test_a_hard_link_is_a_path_of_its_own(system: System) -> None:
    os.link(system.write("/usr/bin/a", SCRIPT), system.path("/usr/bin/b"))
    assert {one.item.path for one in look(system).judgements} == {"/usr/bin/a", "/usr/bin/b"}


def test_no_link_leads_out(system: System) -> None:
    system.path("/usr/bin/link").symlink_to(program())
    system.path("/usr/out").symlink_to("/../../../../../../usr/bin")
    system.package("x", {}, links=["/usr/out/true"])
    found = look(system)
    assert (found.judgements, found.faults) == ([], [])
