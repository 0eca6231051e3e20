"""Every tool and option beside kmod 34's: status, standard output, messages. depmod has a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.cli.kmod_oracle import needs_namespace
from tests.kmod.against_kmod.scene34 import Answer, Scene
from tests.kmod.conftest import kmod_34

pytestmark = needs_namespace

MODPROBE = """
-a | -r | -R | --bogus | -Z | -w x d | -w | --all=3 | -d | -C | -S | --show-exports | --show-modversions
-D no | -qD no | -D -a no d x=1 | -D -- d -x | -D d -q y=a~b | -D d '' x '' | -D d y=a~b -n -- z
-D own_b | -D own-al | -D d[ | -D to | -D nowhere | -D inst | -D d2 | -D a-x | -D c | -D gone | -D cdev | -D al-two
-D b | -D -b b | -D pci:7 | -D -b pci:7 | -D same | -D zz | -D symbol:sb | -b -D al-two | -i -D c | -D -i a-x | -n -D b
-D --first-time b | -D TOP/kernel/sub/c.ko | -D TOP/kernel/none.ko | -D ./x.ko | -S 9.9 -D d | -d /nowhere -D d
-C /no/such -D d | -C /dev/null -D d | -C CONF/m.conf -D to | -C CONF -C CONF -D to
-R d x=1 | -R -r d | -R -a b no | -R pci:7 | -R al-one | -R dup-one | -R dup-two | -R x[a-b]-c | -R xa-c | -R xb-c
-R same | -R nowhere | -R to | -R symbol:sx | -R own_b | -R -q no | -R -a no1 no2 | -R d2 | -R inst | -R al-two
-R devname:cdev | -R char-major-10-200 | -R TOP/kernel/sub/c.ko
-c | -c -D d | -S 9.9 -c | --showconfig | --show-config | -C /dev/null -c
-n d | -n c | -n -a d c | -n no | -nq no | -n pci:7 | -n inst | -n b | -n --first-time b | -n -s no | -n al-two
-n TOP/kernel/sub/c.ko x=1 | --show d | --dry-run d
-nv d | -nv c | -nv inst | -nv b | -nv --first-time b | -nv -w 1 d
d | -v d | -q d | -a no d | no | -q no | -v no | nowhere | own_b | b | -b b | -v b | --first-time own_b
--first-time b | inst | -i inst | -vi inst | d2 | -q d2 | -v d2 | al-two | -S 9.9 d | -s d
-r d[ | -r own_b | -r no d | -r -a no own_b | -r inst | -rv inst | -rn inst | -rnv inst | -r b | -rv b | -rn b | -rnv b
-r a_x | -rnv a_x | -r e | -rnv e | -rnv --remove-holders a_x | -rnv d | -r d | -rq d | -r --first-time d
-rn --first-time d | -rnv -a d e b | -r -w 1 e | -r -w 5 a_x | -r d2 | -rnv TOP/kernel/b.ko | -r ./x.ko
--remove-holders -nv a_x | --remove-holders -nv d | --remove-dependencies -nv a_x | -w 1 e
--show-exports TOP/kernel/b.ko | --show-exports TOP/kernel/d.ko | --show-modversions TOP/kernel/b.ko
--show-modversions TOP/kernel/d.ko | --dump-modversions TOP/kernel/b.ko | --show-exports /no/such
--show-modversions /dev/null | --show-exports -a /dev/null /no | --show-exports no
--show-dep d | --re d | --resolve-alias d | --ignore-install inst | --ignore-remove -r inst | --use-blacklist b
--quiet no | --verbose d
"""
OTHERS = {
    "modinfo": """
-F | --bogus | -Z | -k | -b /nowhere -k 1.0 d | -b ROOT -k 9.9 d | -b ROOT -k 1.0 no d | /no/such.ko | ./no.ko
-b ROOT d | --set-version=1.0 --basedir ROOT d | --par -b ROOT -k 1.0 a_x | --mod -b ROOT -k 1.0 a_x
""",
    "insmod": """
/no/such.ko | - | no.ko | -f | -Z | --bogus | -v | -p x | -q x | -- | -- -x | -s /no.ko | TOP/kernel/d.ko
TOP/kernel/d.ko x=1 | -v TOP/kernel/d.ko | FILES/odd.ko | FILES/m.ko.xz | FILES/m.ko.zst | FILES/m.ko.txt
FILES/tiny.ko | FILES
""",
    "rmmod": """
b | a_x | e | d | no | b.ko | /x/b.ko | -f b | -v b | -v e | -vv e | e a_x no | -s e | --bogus | -Z | -w b | --wait b
--syslog e | --force | --all | / | a-x | -s | --verb b | --f b | TOP/kernel/b.ko | TOP/kernel/a-x.ko
""",
    "lsmod": "-s | x | -Z | --bogus | --syslog | -q | x y",
    "kmod": """
list | list -s | list x | list -Z | list --bogus | list -q | -Z | --bogus | -v | static-nodes | static-nodes -f
static-nodes -f tmpfiles | static-nodes -f devname | static-nodes x | static-nodes --bogus | static-nodes -Z
static-nodes -o /dev/stdout
""",
}
MODINFO_OPTIONS = """
-a | -d | -l | -p | -n | -0 | --author | --null | --fil | -F parm | -F parmtype | -F alias | -F filename | -F x
-F noequals | -F sig_key | -F nope | -0 -F author | -0 -F signature | -0p | -F parm -a | -lF alias | -m | -F sig_id
"""
MODINFO_WORDS = """
a-x | b | c | d | dup | odd | own_b | own-b | own-al | al-one | pci:7 | same | no | no d | d no | x[a-b]-c | xa-c
symbol:sx | a-x.ko | kernel/a-x.ko | d[ | '' | -m al-one | -m a-x | -m own-b | -m no | -p c | -p a-x | -p own_b
-n own_b | -n c | -0 own_b | -F license own_b | -F alias own_b | -l own_b | -m symbol:sx | -n al-one | -F softdep a-x
-F depends b c | -F weakdep b | -m d[
"""
CONFIG_LINES = r"""
nonsense x
include other
config x
alias a[ b
alias a b[
options d
options
alias x
blacklist
install d
remove d
softdep d
softdep d pre:
softdep d x y pre: e post: b
weakdep d
weakdep d e b
weakdep d pre: e
blacklist d[
softdep d[ pre: e
 # no
# yes
  alias q d
options d a=1	b=2
alias q d extra
options d  a=1  b=2
alias d-x d
options d-x a
softdep d pre: e-f e pre: b post:
softdep c post: b a-x
al\ias q d
install e \\ \$x
softdep d pre:e post:b
alias * d
blacklist a*
softdep * pre: e
install * echo hi
options * x=1
remove b echo r
install b echo i
nonsense x \\n y
options d \
blacklist d
softdep b pre: c\nsoftdep c pre: b
softdep d pre: e\nsoftdep d pre: b
softdep d pre: al-one no own_b
"""
COMMAND_LINES = """
d.p=1
mod.p
d.p.q=1 d.r=2
"d.s=a b"
d.s="a b"
modprobe.blacklist=d,b
modprobe.blacklist=a-x
modprobe.blacklist=
d.=1
.x=1
d.p="x
d-x.p=1
d.p=a.b
d.p=1 -- d.q=2
module_blacklist=d
"""
COMMANDS = [
    ("install d exit 3", "d"),
    ("install d exit 3", "-v d"),
    ("install d exit 3", "-q d"),
    ("install d exit 3", "-a d no"),
    ("softdep d post: d2\ninstall d2 exit 3", "-v d"),
    ("install a_x exit 3", "-v c"),
    ("remove b exit 4", "-r b"),
    ("remove b exit 4", "-rv b"),
    ("remove b exit 4", "-rq b"),
    ("install d kill -9 $$", "d"),
    ("install d echo a $CMDLINE_OPTS b\noptions d q=1", "d x=1~2 y"),
    ("install d echo [$MODPROBE_MODULE] [$MODPROBE_OPTIONS]", "-q d"),
    ("install d echo [$MODPROBE_OPTIONS]", "-s -b d"),
    ("remove b echo [$MODPROBE_MODULE] [$MODPROBE_OPTIONS]", "-r b"),
    ("blacklist d\nalias q d", "q"),
    ("blacklist d\nalias q d", "-nv q"),
    ("blacklist d", "-bv d"),
    ("blacklist a-x", "-b -D a-x"),
    # Of a name that is nothing else its own command counts, not the first that matches.
    ("install * echo 0\ninstall no echo 1", "-D no"),
    ("install * echo 0\ninstall no echo 1\ninstall no echo 2", "no"),
    ("install * echo 0\ninstall no echo 1\nalias al no", "-D al"),
    ("install * echo 0\ninstall no echo 1\nsoftdep e pre: no", "-D -a e no"),
    ("install * echo 0\ninstall d echo 1", "-D d"),
    ("install * echo 0\nremove no echo 1", "-D no"),
    ("remove * echo 0\nremove no echo 1", "-rv no"),
    ("remove * echo 0\ninstall no echo 1", "-rv no"),
]
ENVIRONMENTS = ["-b", "-n 'x y'", "-D -a d", "c", "-n --", "--bogus", "'unclosed", "-q", '-D "d"', "-S"]


class Different(NamedTuple):
    """A call whose answers differ on purpose: both statuses, and what only one of the two says."""

    tool: str
    line: str
    theirs: tuple[int, str]
    ours: tuple[int, str]


DIFFERENT = [
    # Names and options that kmod has after 34.2.
    Different("modprobe", "--show-alias d", (1, "unrecognized option"), (0, "d\n")),
    Different("modprobe", "--show-exports b", (1, "Module b not found"), (0, "0x00000002\tsb\n")),
    Different("modprobe", "--show-modversions b", (1, "Module b not found"), (0, "0x00000001\tsx\n")),
    Different("insmod", "--force-vermagic /no", (1, "unrecognized option"), (1, "could not load module /no")),
    Different("insmod", "--force-modversion /no", (1, "unrecognized option"), (1, "could not load module /no")),
    # What libkmod tells its own developers.
    Different("modprobe", "-vv -n d", (0, "INFO: custom logging function 0x"), (0, "")),
    # Addresses in memory, and a sentence instead.
    Different("modprobe", "-D needy", (0, "ctx=0x"), (0, "not there: all that it needs is left out")),
    # One reason for all.
    Different("modinfo", "FILES/tiny.ko", (1, "Invalid argument"), (1, "too short for an ELF file")),
    Different("modinfo", "FILES/m.ko.gz", (1, "not found"), (0, "license:        GPL")),
    # What is no name.
    Different("rmmod", ".", (1, "unloading is not supported"), (1, "it names no module")),
    Different("rmmod", "own_b", (1, "unloading is not supported"), (1, "is builtin")),
    Different("lsmod", "-v", (0, "100  1 b\n"), (0, "100  1 b  [live, ")),
    Different("modprobe", "-V", (0, "kmod version 34."), (0, "kmod version 34\nringward ")),
    Different("modprobe", "-h", (0, "Usage:\n\tmodprobe"), (0, "usage: modprobe")),
    Different("kmod", "", (1, "Usage:\n\tkmod"), (1, "usage: kmod")),
]


def lines(table: str) -> list[str]:
    """Return the entries of a table."""
    return [entry.strip() for line in table.splitlines() for entry in line.split(" | ") if entry.strip()]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    kmod_34("kmod")
    made = Scene(tmp_path_factory.mktemp("kmod34"))
    yield made
    made.close()


def same(scene: Scene, tool: str, words: list[str], options: str | None = None) -> Answer:
    theirs, ours = scene.both(tool, *words, options=options)
    assert ours == theirs
    return ours


def test_it_is_kmod_34(scene: Scene) -> None:
    assert scene.both("kmod", "-V")[0].stdout.startswith("kmod version 34")


@pytest.mark.parametrize("line", lines(MODPROBE))
def test_modprobe(scene: Scene, line: str) -> None:
    same(scene, "modprobe", [*scene.tree_words(), *scene.words(line)])


@pytest.mark.parametrize("text", ENVIRONMENTS)
def test_modprobes_environment(scene: Scene, text: str) -> None:
    same(scene, "modprobe", [*scene.tree_words(), "-D", "b"], options=text)


@pytest.mark.parametrize(("tool", "line"), [(tool, line) for tool in OTHERS for line in ["", *lines(OTHERS[tool])]])
def test_the_others(scene: Scene, tool: str, line: str) -> None:
    if (tool, line) != ("kmod", ""):  # prints its help, which is Ringward's own
        same(scene, tool, scene.words(line))


@pytest.mark.parametrize("line", ["", *lines(MODINFO_OPTIONS)])
def test_modinfo_of_a_file(scene: Scene, line: str) -> None:
    assert same(scene, "modinfo", [*scene.words(line), str(scene.files / "odd.ko")]).stdout or line in {"-F nope", "-m"}


@pytest.mark.parametrize("name", ["m.ko.xz", "m.ko.zst", "plain.ko.xz", "xz.ko", "m.ko.txt"])
def test_modinfo_of_other_files(scene: Scene, name: str) -> None:
    same(scene, "modinfo", [str(scene.files / name)])


@pytest.mark.parametrize("line", lines(MODINFO_WORDS))
def test_modinfo_of_names(scene: Scene, line: str) -> None:
    same(scene, "modinfo", ["-b", str(scene.root), "-k", "1.0", *scene.words(line)])


@pytest.mark.parametrize("text", CONFIG_LINES.strip("\n").splitlines())
def test_lines_of_the_configuration(scene: Scene, text: str) -> None:
    scene.configure(f"{text}\n".replace("\\n", "\n"))
    for line in ("-c", "-D d", "-D b", "-q -D q", "-rnv b"):
        same(scene, "modprobe", [*scene.tree_words(), *scene.words(line)])


@pytest.mark.parametrize("text", COMMAND_LINES.strip("\n").splitlines())
def test_the_kernel_command_line(scene: Scene, text: str) -> None:
    scene.configure("", f"{text}\n")
    for line in ("-c", "-D d", "-b -D d"):
        same(scene, "modprobe", [*scene.tree_words(), *scene.words(line)])


@pytest.mark.parametrize(("text", "line"), COMMANDS)
def test_commands(scene: Scene, text: str, line: str) -> None:
    scene.configure(f"{text}\n")
    same(scene, "modprobe", [*scene.tree_words(), *scene.words(line)])


@pytest.mark.parametrize("case", DIFFERENT, ids=lambda case: f"{case.tool} {case.line}")
def test_stated_differences(scene: Scene, case: Different) -> None:
    """Those that docs/modules.md states."""
    tree = {"modprobe": scene.tree_words(), "modinfo": ["-b", str(scene.root), "-k", "1.0"]}
    theirs, ours = scene.both(case.tool, *tree.get(case.tool, []), *scene.words(case.line))
    for answer, (status, text) in ((theirs, case.theirs), (ours, case.ours)):
        assert answer.status == status
        assert text in answer.stdout + answer.stderr
    assert theirs != ours
