"""What every module tool prints below a --sysroot: its own paths, whatever is damaged; and that it stays below it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from ringward.cli import dispatch
from tests.kmod.elf_builder import Module
from tests.kmod.lab import VERSION, Lab
from tests.kmod.signing import key

FILE = f"/lib/modules/{VERSION}/kernel/one.ko"
FORMS = ("text", "json")
CALLS = [
    *(("modprobe", "-S", VERSION, *words) for words in (["-D", "one"], ["-c"], ["-v", "one"], ["-rv", "one"])),
    ("modprobe", "-S", VERSION, "--json", "-D", "one"),
    ("modprobe", "-S", VERSION, "-v", "--show-exports", FILE),
    *(("modinfo", "-k", VERSION, *words) for words in (["one"], ["--json", "one"], ["--verify", FILE], ["built"])),
    ("modinfo", "-k", VERSION, "--cert", "/none.pem", "--json", "one"),
    ("depmod", "-n", VERSION),
    ("kmod", "static-nodes", "--set-version", VERSION),
    *((name, "-S", VERSION, "--output", form, "one") for name in ("plan", "blocked", "graph") for form in FORMS),
    ("plan", "-S", VERSION, "--certificate", "/none.pem", "one"),
    *(("lint", "-S", VERSION, "--output", form) for form in FORMS),
    ("insmod", FILE),
    ("rmmod", "one"),
    ("lsmod",),
]  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Return a system with a signed module, and the certificate where a kernel's image would be."""
    lab = Lab(tmp_path / "image")
    lab.modules({"one": []}, builtin=["built"])
    (lab.root / FILE[1:]).write_bytes(key("builder").sign(Module([b"name=one", b"license=GPL"]).build()))
    (lab.root / "boot").mkdir()
    (lab.root / f"boot/vmlinuz-{VERSION}").write_bytes(key("builder").pem)
    (lab.root / "proc").mkdir()
    return lab


def whole(_lab: Lab) -> None:
    """Damage nothing."""


def cut_module(lab: Lab) -> None:
    path = lab.root / FILE[1:]
    path.write_bytes(path.read_bytes()[:200])


def no_module(lab: Lab) -> None:
    (lab.root / FILE[1:]).unlink()


def bad_indexes(lab: Lab) -> None:
    for path in lab.directory.glob("*.bin"):
        path.write_bytes(path.read_bytes()[:12] + b"\xff" * 20)


def folders(lab: Lab) -> None:
    for name in ("dep.bin", "softdep", "devname", "builtin.modinfo"):
        (lab.directory / f"modules.{name}").unlink(missing_ok=True)
        (lab.directory / f"modules.{name}").mkdir()
    (lab.root / f"boot/vmlinuz-{VERSION}").unlink()
    (lab.root / f"boot/vmlinuz-{VERSION}").mkdir()
    (lab.root / "proc/modules").mkdir()


@pytest.mark.parametrize("damage", [whole, cut_module, no_module, bad_indexes, folders])
def test_no_path_that_is_told_has_the_root(
    lab: Lab, damage: Callable[[Lab], None], capfd: pytest.CaptureFixture[str]
) -> None:
    damage(lab)
    told = {}
    for name, *words in CALLS:
        argv = [*words[: name == "kmod"], "--sysroot", str(lab.root), *words[name == "kmod" :]]
        with mock.patch.dict(os.environ):  # modprobe leaves MODPROBE_OPTIONS to its commands
            status = dispatch.run(name, argv)
        told[name, *words] = status, "".join(capfd.readouterr())
    # lsmod's advice is a command to type.
    texts = {call: text.partition("nothing was ever loaded")[0] for call, (_, text) in told.items()}
    assert [call for call, text in texts.items() if str(lab.root) in text] == []
    assert [call for call, text in texts.items() if "Errno" in text] == []
    modinfo = told["modinfo", "-k", VERSION, "--verify", FILE]
    if damage is whole:
        assert modinfo == (
            0,
            f"{FILE}: valid: signed by 'builder', checked by a certificate of /boot/vmlinuz-{VERSION}\n",
        )
    else:
        assert any(status for status, _ in told.values())


def test_what_is_written_is_below_it(lab: Lab, tmp_path: Path) -> None:
    (lab.directory / "modules.devname").write_text("fuse fuse c10:229\n")
    real = tmp_path / "run/nodes.conf"
    argv = ["static-nodes", "--sysroot", str(lab.root), "--set-version", VERSION, "-f", "devname", "-o", str(real)]
    assert dispatch.run("kmod", argv) == 0
    assert not real.parent.exists()
    assert (lab.root / str(real)[1:]).read_text() == "fuse fuse c10:229\n"
