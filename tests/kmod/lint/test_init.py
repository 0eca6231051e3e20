from __future__ import annotations

from pathlib import Path

from ringward.kmod.config import load_config
from ringward.kmod.config_files import read
from ringward.kmod.depmod_config import load_depmod_config
from ringward.kmod.lint import FINDING, NOTE, RULES, lint
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.lint.subjects import make_lab

EVERYTHING = """\
blacklist crc
blacklist nothing
blacklist net-pf-9
blacklist a*
options core a=1
options net a=1
options net a=2
softdep net pre: gone
softdep net pre: crc
softdep sound  pre: crc
softdep fs_a pre: crc
install fs_a /bin/false
install fs_a /bin/true
alias net sound
alias a pci:1
include x
bogus
install usb_storage sed \\(
blacklist x\r
"""


def test_every_rule_can_find_something(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "softdep fs_b pre: crc")
    lab.configure(*EVERYTHING.split("\n"), "softdep fs_b pre: net", file="a.conf")
    (lab.conf / "ignored").write_text("blacklist x\n")
    (tmp_path / "first").mkdir()
    (tmp_path / "first/b.conf").write_text("blacklist sound\n")
    lab.configure("blacklist net", file="b.conf")
    (tmp_path / "depmod.conf").write_text("override x * y\n")
    config = load_config(
        [str(tmp_path / "first"), str(lab.conf)],
        cmdline='module_blacklist=a module_blacklist=b modprobe.blacklist=fs-a x="y',
        module_dir=str(lab.directory),
    )
    report = lint(config, lab.tree(), read, load_depmod_config([str(tmp_path / "depmod.conf")]))
    assert report.unseen == []
    assert {each.rule for each in report.findings} == set(RULES)
    assert {each.level for each in report.findings} == {FINDING, NOTE}
    paths = [each.path for each in report.findings if each.path.endswith((".conf", "modules.softdep"))]
    files = [file.path for file in config.files] + [str(tmp_path / "depmod.conf")]
    assert paths == sorted(paths, key=files.index)


def test_a_packages_lines_are_notes_but_not_that_its_file_is_hidden(tmp_path: Path) -> None:
    for directory in ("etc", "usr/lib"):
        (tmp_path / directory / "modprobe.d").mkdir(parents=True)
        (tmp_path / directory / "modprobe.d/a.conf").write_text(f"bogus\nblacklist {directory[0]}\n")
    (tmp_path / "usr/lib/modprobe.d/b.conf").write_text("bogus\n")
    config = load_config(root=str(tmp_path), cmdline="")
    report = lint(config, None, lambda path: read(f"{tmp_path}{path}"))
    assert [(each.place, each.rule, each.level) for each in report.findings] == [
        ("/etc/modprobe.d/a.conf:1", "bad-line", FINDING),
        ("/usr/lib/modprobe.d/b.conf:1", "bad-line", NOTE),
        ("/usr/lib/modprobe.d/a.conf:2", "file-shadowed", FINDING),
    ]


def test_what_could_not_be_looked_at_is_told(tmp_path: Path) -> None:
    config = load_config([str(tmp_path / "none")], root=str(tmp_path / "empty"))
    report = lint(config, None, read)
    assert report.findings == []
    assert [line.partition(":")[0] for line in report.unseen] == [str(tmp_path / "none"), "/proc/cmdline"]


def test_a_damaged_index_ends_its_rules_only(tmp_path: Path) -> None:
    lab = make_lab(tmp_path)
    index = lab.directory / "modules.dep.bin"
    index.write_bytes(index.read_bytes()[:20])
    lab.configure("blacklist crc", "bogus", file="a.conf")
    report = lint(lab.config(), lab.tree(), read)
    assert [each.rule for each in report.findings] == ["bad-line"]
    assert report.unseen
    assert all("modules.dep.bin" in line for line in report.unseen)


def test_debians_own_softdeps(kernel_tree: KernelTree) -> None:
    """The kernel's modules bring softdeps along that do not count; each that is told names a line of the file."""
    tree = Tree(kernel_tree.base, kernel_tree.version)
    report = lint(load_config([], cmdline="", module_dir=tree.directory), tree, read)
    assert report.unseen == []
    lines = Path(kernel_tree.directory, "modules.softdep").read_text().split("\n")
    assert {each.level for each in report.findings} == {NOTE}
    assert "softdep-shadowed" in {each.rule for each in report.findings}
    for each in report.findings:
        assert lines[each.line - 1] == each.text
        for place in each.others:
            assert lines[int(place.rpartition(":")[2]) - 1].split()[1] == each.text.split()[1]
    btrfs = [each for each in report.findings if each.text.startswith("softdep btrfs ")]
    assert [each.rule for each in btrfs] == ["softdep-shadowed"]
    assert len(btrfs[0].others) == sum(line.startswith("softdep btrfs ") for line in lines) - 1
