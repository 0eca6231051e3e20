from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_modinfo import ours, tree
from tests.kmod.elf_builder import Module
from tests.kmod.lab import VERSION, Lab
from tests.kmod.signing import Key, key
from tests.kmod.test_certificates import bzimage, vmlinux

__all__ = ["tree"]
SIGNER = key("builder")
IMAGE = Module([b"name=m"]).build()


def flipped(data: bytes) -> bytes:
    return data[:70] + bytes([data[70] ^ 1]) + data[71:]


@pytest.mark.parametrize(
    ("data", "trusted", "word"),
    [
        (SIGNER.sign(IMAGE), SIGNER, "valid"),
        (flipped(SIGNER.sign(IMAGE)), SIGNER, "invalid"),
        (SIGNER.sign(IMAGE)[:-60] + SIGNER.sign(IMAGE)[-40:], SIGNER, "invalid"),
        (SIGNER.sign(IMAGE), key("other"), "unknown key"),
        (IMAGE, SIGNER, "unsigned"),
        (SIGNER.sign(IMAGE), None, "could not look"),
    ],
)
def test_every_answer(tmp_path: Path, data: bytes, trusted: Key | None, word: str) -> None:
    path, certificate = tmp_path / "m.ko", tmp_path / "c.der"
    path.write_bytes(data)
    if trusted:
        certificate.write_bytes(trusted.der)
    found = ours("--cert", str(certificate), str(path))
    assert found.stdout.decode().startswith(f"{path}: {word}: ")
    assert found.status == (0 if word == "valid" else 1)
    assert bool(found.stderr) == (trusted is None)


def test_certificates_of_the_kernel_that_is_looked_at(tree: Lab) -> None:
    (tree.directory / "kernel/one.ko").write_bytes(SIGNER.sign(IMAGE))
    words = ["--verify", "-k", VERSION, "one"]
    nothing = ours("-b", str(tree.root), *words)
    assert nothing.status == 1
    assert b"could not look" in nothing.stdout
    assert f"{tree.root}/boot/vmlinuz-{VERSION}: No such file or directory".encode() in nothing.stdout
    (tree.root / "boot").mkdir()
    (tree.root / f"boot/vmlinuz-{VERSION}").write_bytes(bzimage(vmlinux(SIGNER.der)))
    for place in (["-b", str(tree.root)], ["--sysroot", str(tree.root)]):
        found = ours(*place, *words)
        assert (found.status, found.stderr) == (0, b""), found.stdout
        assert b"one.ko: valid: signed by 'builder'" in found.stdout


def test_parts_of_the_kernel_and_damaged_files(tree: Lab) -> None:
    (tree.directory / "kernel/one.ko").write_bytes(b"junk")
    (tree.root / "c.pem").write_bytes(SIGNER.pem)
    found = ours("-b", str(tree.root), "-k", VERSION, "--cert", str(tree.root / "c.pem"), "built", "one")
    assert found.status == 1
    assert found.stdout == b"built: built in: it came with the kernel\n"
    assert b"could not get modinfo from 'one'" in found.stderr
