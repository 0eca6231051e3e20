from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ringward.guard.ready import (
    DEVICE,
    LISTED,
    LOADED,
    Blocked,
    Check,
    Needed,
    boot_lists,
    cmdline_list,
    device_aliases,
    listed,
    needed,
    objects_of,
    report,
    verdict_of,
)
from ringward.trust.look import Looked
from ringward.trust.patterns import parse_name, parse_parameter
from ringward.trust.rules import Action, Flag, Rule
from ringward.trust.verdict import Object
from tests.kmod.lab import Lab
from tests.kmod.tiny_module import build
from tests.trust.policies import TRUSTED_DIGEST, Table, policy
from tests.trust.system import sha256


def test_names_in_the_lists_of_boot() -> None:
    assert list(listed(["# a\n;b\n\n  nbd \nloop max_loop=4\n", "fuse"])) == ["nbd", "loop", "fuse"]


def test_of_two_files_of_one_name_the_first_counts(tmp_path: Path) -> None:
    for folder, name, text in (
        ("a", "x.conf", "one"),
        ("b", "x.conf", "two"),
        ("b", "w.conf", "three"),
        ("b", "x", "no"),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    old = tmp_path / "modules"
    cmdline = tmp_path / "cmdline"
    cmdline.write_text("quiet modules-load=five,six\n")
    folders = [str(tmp_path / name) for name in ("a", "b", "none")]
    assert boot_lists(folders, str(old), str(cmdline)) == ["three", "one", "five\nsix"]
    old.write_text("four")
    assert boot_lists(folders, str(old), str(cmdline)) == ["three", "one", "four", "five\nsix"]


def test_modules_of_the_command_line() -> None:
    assert cmdline_list("a modules_load=x,y rd.modules_load=no modules-load=z module_blacklist=w\n") == "x\ny\nz"
    assert list(listed([cmdline_list("quiet")])) == []


def test_aliases_of_devices(tmp_path: Path) -> None:
    for name, text in (("a/b", "pci:1\n"), ("a/b/c", "usb:2\n"), ("d", "\n")):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "modalias").write_text(text)
    assert device_aliases(str(tmp_path)) == {"pci:1", "usb:2"}
    assert device_aliases(str(tmp_path / "none")) == set()


def test_each_name_once_and_by_its_first_reason() -> None:
    assert needed(["a", "b"], ["b\nc"], {"pci:2", "pci:1"}) == [
        Needed("a", LOADED),
        Needed("b", LOADED),
        Needed("c", LISTED),
        Needed("pci:1", DEVICE),
        Needed("pci:2", DEVICE),
    ]


def looked(digest: bytes, image: bytes) -> Looked:
    return Looked("module file", digest, image, b"", "snd_dummy", "", "")  # type: ignore[arg-type]


def test_a_file_can_come_as_itself_or_as_its_image() -> None:
    plain = objects_of(looked(b"a", b"a"), "x=1")
    assert [(one.digest, one.flags, one.name) for one in plain] == [
        (b"a", Flag(0), b"snd_dummy"),
        (b"a", Flag.NO_FILE, b"snd_dummy"),
    ]
    packed = objects_of(looked(b"a", b"b"), "x=1")
    assert [(one.digest, one.flags, one.name) for one in packed] == [
        (b"a", Flag.COMPRESSED, None),
        (b"b", Flag.NO_FILE, b"snd_dummy"),
    ]
    assert {one.parameters for one in plain + packed} == {b"x=1"}


def thing(digest: bytes, **more: object) -> Object:
    (found, _) = objects_of(looked(digest, digest), "")
    return found if not more else Object(**{name: getattr(found, name) for name in found.__slots__} | more)  # type: ignore[attr-defined]


def test_what_denies_it_in_words() -> None:
    assert verdict_of(policy(), [thing(TRUSTED_DIGEST)]) == ""
    assert verdict_of(policy(), [thing(b"\x09")]) == "it is not trusted, and nothing allows it (as a file, sha256 09)"
    rules = [Rule("files-only", Action.DENY, flags=Flag.NO_FILE)]
    assert verdict_of(policy(rules), [thing(TRUSTED_DIGEST, flags=Flag.NO_FILE)]).startswith("files-only (from memory")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    found = Lab(tmp_path / "lab")
    found.modules({"good": [], "needs": ["good"], "bad": []}, aliases=[("pci:9", "bad")], builtin=["own"])
    for name in ("good", "needs", "bad"):
        folder = tmp_path / f"built-{name}"
        folder.mkdir()
        (found.directory / f"kernel/{name}.ko").write_bytes(build(folder, name).read_bytes())
    return found


def check(lab: Lab, *trusted: str, rules: tuple[Rule, ...] = ()) -> Check:
    """Return a check by a policy that trusts these modules."""
    known = {sha256(lab.directory / f"kernel/{name}.ko"): 1 for name in trusted}
    made = policy(rules)
    return Check(type(made)(made.rules, Table(known), made.classes, made.modes), lab.resolver())


def test_what_is_trusted_passes_with_what_it_needs(lab: Lab) -> None:
    counts: list[int] = []
    names = [Needed("needs", LOADED), Needed("own", LOADED), Needed("good", LISTED)]
    assert check(lab, "good", "needs").blocked(names, counts.append) == []
    assert counts == [1, 2, 3]


def test_what_is_not_is_listed_once(lab: Lab) -> None:
    names = [Needed("needs", LOADED), Needed("good", LISTED), Needed("pci:9", DEVICE), Needed("pci:10", DEVICE)]
    found = check(lab, "needs").blocked(names)
    assert [(one.name, one.why) for one in found] == [("good", LOADED), ("bad", DEVICE)]
    assert found[0].path.endswith("kernel/good.ko")
    digest = subprocess.run(
        ["sha256sum", lab.directory / "kernel/good.ko"], capture_output=True, text=True, check=True
    ).stdout[:64]
    assert digest in found[0].verdict
    assert len(report(found)) == 2


def test_options_of_modprobe_count(lab: Lab) -> None:
    lab.configure("options good text=bad")
    rules = (Rule("no-bad", Action.DENY, parameters=(parse_parameter("text=bad"),), names=(parse_name("good"),)),)
    (found,) = check(lab, "good", rules=rules).blocked([Needed("good", LISTED)])
    assert found.verdict.startswith("no-bad")


def test_a_loaded_module_without_a_file_does_not_pass_unseen(lab: Lab) -> None:
    (found,) = check(lab).blocked([Needed("strange", LOADED)])
    assert found == Blocked("strange", "", LOADED, f"no file of it in {lab.resolver().tree.directory}")
    (lab.directory / "kernel/good.ko").unlink()
    (found,) = check(lab, "bad").blocked([Needed("good", LOADED)])
    assert "it could not be looked at" in found.verdict
