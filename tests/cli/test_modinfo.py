from __future__ import annotations

import gzip
import lzma
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.kmod.conftest import kmod_34
from tests.kmod.elf_builder import Module
from tests.kmod.lab import VERSION, Lab
from tests.kmod.signing import key


class Answer(NamedTuple):
    status: int
    stdout: bytes
    stderr: bytes


def run(*command: str, cwd: Path | None = None) -> Answer:
    done = subprocess.run(command, capture_output=True, check=False, cwd=cwd, env=os.environ | {"LC_ALL": "C.UTF-8"})
    return Answer(done.returncode, done.stdout, done.stderr)


def ours(*words: str, cwd: Path | None = None) -> Answer:
    return run(sys.executable, "-m", "ringward", "modinfo", *words, cwd=cwd)


def theirs(*words: str, cwd: Path | None = None) -> Answer:
    return run(kmod_34("modinfo"), *words, cwd=cwd)


def same(*words: str, cwd: Path | None = None) -> Answer:
    """Compare with kmod 34: status and output; of an error that we have said one, too."""
    expected, found = theirs(*words, cwd=cwd), ours(*words, cwd=cwd)
    assert (found.status, found.stdout) == (expected.status, expected.stdout)
    assert bool(found.stderr) == bool(expected.stderr)
    return found


ODD = [
    b"license=GPL",
    b"parm=a:first [b]",
    b"averyveryverylongkeyindeed=x",
    b"parmtype=b:int",
    b"noequals",
    b"exactly15chars_=v",
    b"fourteenchars_=v",
    b"=emptykey",
    b"parmtype=a:charp",
    b"x=",
    b"parm=c:only",
    b"parm=nocolon",
    b"parmtype=alsonocolon",
    b"parmtype=d:uint",
    b"alias=z=y",
    b"parmtype=b:again",
    b"parm=:nn",
    b"parm=e:",
    b"author=A",
    b"author=B\tx\ny\xff",
    b"description=D",
    b"filename=zz",
    b"\xc3\xa4=\xc3\xa4",
]
OPTIONS = [
    [],
    *([option] for option in ("-a", "-d", "-l", "-p", "-n", "-0", "--author", "--null", "--fil")),
    *(["-F", field] for field in ("parm", "parmtype", "alias", "filename", "x", "noequals", "sig_key", "nope", "")),
    *(["-0", "-F", field] for field in ("author", "signature", "parm")),
    ["-0p"],
    ["-F", "parm", "-a"],
    ["-lF", "alias"],
]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_every_option_as_kmod_has_it(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "odd.ko"
    path.write_bytes(key("builder").sign(Module(ODD).build()))
    found = same(*options, str(path))
    assert found.status == 0
    assert ours(*options, str(path)) == theirs(*options, str(path))


def test_a_field_that_kmod_34_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(Module([b"name=m"], build_id=b"\1\xab").build())
    assert ours("-F", "build-id", str(path)).stdout == b"01:AB\n"
    assert b"name:           m\nbuild-id:       01:AB\n" in ours(str(path)).stdout


def test_files_as_kmod_tells_them(tmp_path: Path) -> None:
    image = Module([b"license=GPL", b"name=m"]).build()
    for name in ("m.ko", "junk", "m.ko.txt", "sub.ko", "xz.ko"):
        (tmp_path / name).write_bytes(image)
    (tmp_path / "xz.ko").write_bytes(lzma.compress(image))
    (tmp_path / "m.ko.xz").write_bytes(lzma.compress(image))
    (tmp_path / "plain.ko.xz").write_bytes(image)
    (tmp_path / "m.ko.zst").write_bytes(zstandard.compress(image))
    (tmp_path / "dir.ko").mkdir()
    (tmp_path / "link.ko").symlink_to("m.ko")
    (tmp_path / "dead.ko").symlink_to("nowhere")
    for word in (
        "m.ko",
        "./m.ko",
        "m.ko.xz",
        "m.ko.zst",
        "plain.ko.xz",
        "xz.ko",
        "link.ko",
        f"../{tmp_path.name}/m.ko",
    ):
        assert same(word, cwd=tmp_path).stdout.count(b"\n") == 3
        assert same("-n", word, cwd=tmp_path).status == 0
    for word in (
        "junk",
        "m.ko.txt",
        "dir.ko",
        "dead.ko",
        "absent.ko",
        "./absent.ko",
        str(tmp_path),
        "/dev/null",
        "",
        "m",
    ):
        assert same(word, cwd=tmp_path) == theirs(word, cwd=tmp_path)
    found = same("m.ko", "absent.ko", "link.ko", cwd=tmp_path)
    assert (found.status, found.stdout.count(b"\n")) == (1, 6)


def test_gzip_which_debians_kmod_lacks(tmp_path: Path) -> None:
    (tmp_path / "m.ko.gz").write_bytes(gzip.compress(Module([b"license=GPL"]).build()))
    assert ours("-l", str(tmp_path / "m.ko.gz")).stdout == b"GPL\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk" * 20,
        Module([b"a=b"]).build()[:100],
        Module([b"a=b"]).build()[:-1],
        Module().build(),
        lzma.compress(Module([b"a=b"]).build())[:-20],
    ],
)
def test_damaged_files(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a-b.ko").write_bytes(data)
    found = same("a-b.ko", cwd=tmp_path)
    assert found.status == 1
    assert found.stdout.startswith(b"filename: ")
    message = found.stderr.decode()
    assert message.startswith("modinfo: ERROR: could not get modinfo from 'a_b': a-b.ko: ")
    same("-l", "a-b.ko", cwd=tmp_path)
    same("-n", "a-b.ko", cwd=tmp_path)


@pytest.fixture
def tree(tmp_path: Path) -> Lab:
    lab = Lab(tmp_path)
    lab.modules(
        {"one": [], "two-x": ["one"], "gone": []},
        aliases=[("pci:v1*", "two_x"), ("pci:v1*", "one"), ("both", "one"), ("both", "built"), ("lost", "nobody")],
        symbols=[("sym", "one")],
        builtin=["built", "bare"],
        builtin_aliases=[("alias_b", "built")],
        missing=["gone"],
    )
    for stem in ("one", "two-x"):
        (lab.directory / f"kernel/{stem}.ko").write_bytes(Module([b"license=GPL", b"name=%s" % stem.encode()]).build())
    (lab.directory / "modules.builtin.modinfo").write_bytes(
        b"built.license=GPL\0built.parm=p:text\0built.parmtype=p:int\0other.license=MIT\0built.file=x\0"
    )
    return lab


WORDS = [
    "one",
    "two-x",
    "two_x",
    "two_x.ko",
    "pci:v1d2",
    "both",
    "symbol:sym",
    "built",
    "bare",
    "alias-b",
    "no",
    "x[",
    "gone",
]


@pytest.mark.parametrize(
    "options", [[], ["-m"], ["-n"], ["-F", "license"], ["-F", "name"], ["-0"], ["-p"], ["-m", "-n"]]
)
def test_names_and_aliases_as_kmod_has_them(tree: Lab, options: list[str]) -> None:
    base = ["-b", str(tree.root), "-k", VERSION]
    for word in WORDS:
        same(*base, *options, word)
    same(*base, *options, *WORDS)


def test_an_alias_of_a_module_that_does_not_exist(tree: Lab) -> None:
    """Kmod says that it is built in."""
    base = ["-b", str(tree.root), "-k", VERSION]
    assert theirs(*base, "-n", "lost") == (0, b"(builtin)\n", b"")
    found = ours(*base, "-n", "lost", "one")
    assert (found.status, found.stdout) == (1, f"{tree.directory}/kernel/one.ko\n".encode())
    assert found.stderr == b"modinfo: ERROR: Module lost not found: it stands for nobody, which does not exist.\n"


def test_bases_and_versions(tree: Lab, tmp_path: Path) -> None:
    assert same("-b", ".", "-k", VERSION, "-n", "one", cwd=tree.root).status == 0
    assert same("-b", str(tree.root), "-k", "9.9", "one").status == 1
    assert same("-b", str(tree.root), "one").status == 1
    assert same("-b", "/nonexistent", "-k", VERSION, "one").status == 1
    (tree.directory / "modules.builtin.modinfo").unlink()
    same("-b", str(tree.root), "-k", VERSION, "built", "bare")


def test_a_damaged_index(tree: Lab) -> None:
    (tree.directory / "modules.dep.bin").write_bytes(b"junk" * 9)
    found = ours("-b", str(tree.root), "-k", VERSION, "one")
    assert found.status == 1
    assert b"could not look up 'one'" in found.stderr
    assert b"modules.dep.bin" in found.stderr


def test_sysroot(tree: Lab) -> None:
    (tree.root / "m.ko").symlink_to("/lib/modules/1.0/kernel/one.ko")
    root = ["--sysroot", str(tree.root), "-k", VERSION]
    assert ours(*root, "-n", "one", "both").stdout == b"/lib/modules/1.0/kernel/one.ko\n" * 2 + b"(builtin)\n"
    found = ours(*root, "/m.ko")
    assert (found.status, found.stdout.splitlines()[0]) == (0, b"filename:       /lib/modules/1.0/kernel/one.ko")
    assert ours(*root, "-F", "name", "m.ko", "built").stdout == b"one\nbuilt\n"
    assert ours(*root, "/etc/hostname.ko").status == 1


def test_messages() -> None:
    assert ours() == (1, b"", b"modinfo: ERROR: missing module or filename.\n")
    assert ours("-Q") == (1, b"", b"modinfo: invalid option -- 'Q'\n")
    assert ours("-V").stdout.startswith(b"kmod version 34\n")
    assert ours("-h").stdout.startswith(b"usage: modinfo")


STRING = st.binary(min_size=0, max_size=24).map(lambda text: text.replace(b"\0", b""))
FIELD = st.builds(
    lambda key, mark, value: key + mark + value,
    st.sampled_from([b"parm", b"parmtype", b"alias", b"license", b"filename", b"a", b"parm=x"]) | STRING,
    st.sampled_from([b"=", b"=x:", b"=y:", b""]),
    STRING,
)


@given(
    st.lists(FIELD, max_size=9),
    st.sampled_from(OPTIONS),
    st.sampled_from([(32, False), (32, True), (64, False), (64, True)]),
)
@example([b"parm=x:", b"parmtype=x:int", b"parmtype=y:"], [], (64, False))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_strings_as_kmod_prints_them(
    tmp_path: Path, strings: list[bytes], options: list[str], form: tuple[int, bool]
) -> None:
    path = tmp_path / "m.ko"
    path.write_bytes(Module(strings, raw_modinfo=None if strings else b"", bits=form[0], big=form[1]).build())
    assert ours(*options, str(path)) == theirs(*options, str(path))
