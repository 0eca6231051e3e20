"""What lint says is true: the installed modprobe does the same without a line that is said to have no effect."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ringward.kmod.lint import Finding, Report, lint
from ringward.kmod.names import module_name
from tests.kmod.lab import VERSION, Lab

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

STEMS = ("a", "b-c", "d", "e_f", "g")
KEYS = (*STEMS, "b_c", "no", "built", "x:1", "[ae]*", "d*", "*", "d.ko")
OPERANDS = (*STEMS, "no", "x:1", "built")

stems = st.sampled_from(STEMS)
keys = st.sampled_from(KEYS)
operands = st.lists(st.sampled_from(OPERANDS), max_size=3).map(" ".join)
softdeps = st.one_of(
    st.builds("softdep {} {} {}".format, keys, st.sampled_from(("pre:", "post:", "", " pre:")), operands),
    st.builds("softdep {} pre: {} post: {}".format, keys, operands, operands),
)
blacklist = st.builds("blacklist {}".format, keys)
others = st.one_of(
    st.builds("options {} o=1".format, keys),
    st.builds("alias {} {}".format, st.sampled_from(("y", "z*", "x:1", "d")), st.sampled_from((*OPERANDS, "y", "off"))),
    st.sampled_from(("include x", "bogus", "options d", "# c", "blacklist b\\-c")),
)


def installs(directives: list[str]) -> list[str]:
    """Give each install line a command of its own."""
    return [
        f"{line} /bin/false {number}" if line.startswith("install ") else line for number, line in enumerate(directives)
    ]


install = st.builds("install {}".format, keys)
anything = st.lists(st.one_of(softdeps, blacklist, others, install), max_size=8).map(installs)
without_aliases = st.lists(st.one_of(softdeps, blacklist, install), max_size=8).map(installs)
own = st.lists(st.builds("softdep {} pre: {}".format, stems.map(module_name), operands), max_size=3)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, list[str]]:
    deps: dict[str, list[str]] = {}
    for stem in draw(st.permutations(STEMS)):
        direct = draw(st.lists(st.sampled_from(list(deps)), unique=True, max_size=2)) if deps else []
        closure = [*direct, *(below for each in direct for below in deps[each])]
        deps[stem] = list(dict.fromkeys(closure[::-1]))[::-1]
    return deps


def build(folder: str, deps: dict[str, list[str]], own_lines: list[str]) -> Lab:
    lab = Lab(Path(folder, "lab"))
    lab.modules(deps, aliases=[("x:*", "d"), ("q*", "e_f")], builtin=["built"], builtin_aliases=[("own:*", "built")])
    (lab.directory / "modules.softdep").write_text("".join(f"{line}\n" for line in own_lines))
    return lab


def report(lab: Lab) -> Report:
    found = lint(lab.config(), lab.tree(), lambda path: Path(path).read_text())
    assert found.unseen == []
    return found


def does(program: str, lab: Lab, *words: str) -> str:
    """Return what the installed modprobe would do."""
    argv = [program, "-C", str(lab.conf), "-d", str(lab.root), "-S", VERSION, "-nv", *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def on_line(report: Report, number: int, file: str = "m.conf") -> list[Finding]:
    return [each for each in report.findings if Path(each.path).name == file and each.line == number]


@quick
@given(deps=trees(), own_lines=own, directives=anything)
def test_a_line_without_effect_can_go(
    kmod_modprobe: str, deps: dict[str, list[str]], own_lines: list[str], directives: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = build(folder, deps, own_lines)
        lab.configure(*directives, file="m.conf")
        dead = [
            number
            for number in range(1, len(directives) + 1)
            if any(
                each.why.startswith("has no effect") or each.rule in {"bad-line", "include"}
                for each in on_line(report(lab), number)
            )
        ]
        assume(dead)
        asked = ["-a", *STEMS, "x:1", "x:2", "q", "y", "zz", "built", "own:1"]
        before = [does(kmod_modprobe, lab, *asked), does(kmod_modprobe, lab, "-b", *asked)]
        lab.configure(*(line for number, line in enumerate(directives, 1) if number not in dead), file="m.conf")
        assert [does(kmod_modprobe, lab, *asked), does(kmod_modprobe, lab, "-b", *asked)] == before


@quick
@given(deps=trees(), own_lines=own, directives=without_aliases)
def test_an_install_line_runs_unless_lint_says_why_not(
    kmod_modprobe: str, deps: dict[str, list[str]], own_lines: list[str], directives: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = build(folder, deps, own_lines)
        lab.configure(*directives, file="m.conf")
        found = report(lab)
        modules = {module_name(stem) for stem in STEMS}
        for number, line in enumerate(directives, 1):
            words = line.split()
            name = module_name(words[1])
            if words[0] != "install" or name not in modules or ".ko" in line:
                continue
            rules = {each.rule for each in on_line(found, number)}
            runs = f"install {' '.join(words[2:])} " in does(kmod_modprobe, lab, name)
            assert runs == (not rules & {"install-softdep", "install-shadowed"}), (line, rules)


@quick
@given(deps=trees(), own_lines=own, directives=without_aliases)
def test_a_blacklisted_module_stays_out_unless_lint_says_who_pulls_it_in(
    kmod_modprobe: str, deps: dict[str, list[str]], own_lines: list[str], directives: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = build(folder, deps, own_lines)
        lab.configure(*directives, file="m.conf")
        config = lab.config()
        blacklisted = {each.key for each in config.blacklist}
        found = {
            module_name(each.text.split()[1]) for each in report(lab).findings if each.rule == "blacklist-dependency"
        }
        for stem in STEMS:
            if module_name(stem) not in blacklisted:
                continue
            path = f"/kernel/{stem}.ko "
            loads = [
                other
                for other in STEMS
                if module_name(other) not in blacklisted and path in does(kmod_modprobe, lab, "-b", other)
            ]
            assert (module_name(stem) in found) == bool(loads), (stem, loads)


@st.composite
def dropped_installs(draw: st.DrawFn) -> list[str]:
    """Return directives with an install line that a softdep is likely to switch off."""
    stem, operand = draw(stems), draw(stems)
    lines = [
        f"install {stem}",
        f"softdep {stem} pre: {operand}",
        *draw(st.lists(st.one_of(softdeps, install), max_size=4)),
    ]
    return installs(draw(st.permutations(lines)))


@quick
@given(deps=trees(), own_lines=own, directives=dropped_installs())
def test_the_fix_of_an_install_line_helps(
    kmod_modprobe: str, deps: dict[str, list[str]], own_lines: list[str], directives: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lab = build(folder, deps, own_lines)
        lab.configure(*directives, file="m.conf")
        faults = [each for each in report(lab).findings if each.rule == "install-softdep"]
        assume(faults)
        lab.configure(*(each.fix.split("'")[1] for each in faults), file="a.conf")
        still = {each.text for each in report(lab).findings if each.rule == "install-softdep"}
        for each in faults:
            name = each.fix.split("'")[1].split()[1]
            command = " ".join(each.text.split()[2:])
            assert f"install {command} " in does(kmod_modprobe, lab, name), (each, still)


def test_a_softdep_that_a_finding_merges_has_all_its_modules(kmod_modprobe: str, tmp_path: Path) -> None:
    lab = build(str(tmp_path), {stem: [] for stem in STEMS}, ["softdep d pre: a"])
    lab.configure("softdep d pre: b-c post: g", file="z.conf")
    (finding,) = [each for each in report(lab).findings if each.rule == "softdep-shadowed"]
    assert finding.fix == (
        "make it one line: softdep d pre: a b-c post: g, in a file whose name sorts before modules.softdep"
    )
    lab.configure("softdep d pre: a b-c post: g", file="a.conf")
    loaded = [Path(line.split()[1]).stem for line in does(kmod_modprobe, lab, "d").splitlines()]
    assert loaded == ["a", "b-c", "d", "g"]
