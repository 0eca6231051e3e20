from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringward.trust import rule_files
from ringward.trust.rule_files import RulesError, parse, read_rules, tables

USB = '[[rule]]\nid = "no-usb"\naction = "deny"\nname = "usb-storage"\n'
FORCED = '[[rule]]\nid = "forced"\naction = "deny"\nflag = "forced"\n'


def faults(directory: Path) -> list[str]:
    with pytest.raises(RulesError) as caught:
        read_rules(str(directory))
    assert str(caught.value) == "\n".join(map(str, caught.value.faults))
    return [str(fault).removeprefix(f"{directory}") for fault in caught.value.faults]


def write(directory: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = directory / f"{name}.toml"
        path.write_text(text)
        path.chmod(0o644)


def test_rules_are_in_the_order_of_their_files(tmp_path: Path) -> None:
    write(tmp_path, b20=USB, a10="# a remark\n\n" + FORCED)
    (tmp_path / "README").write_text("not a rule")
    found = read_rules(str(tmp_path))
    assert [rule.id for rule in found] == ["forced", "no-usb"]
    assert [rule.where for rule in found] == [f"{tmp_path}/a10.toml:3", f"{tmp_path}/b20.toml:1"]


def test_no_directory_is_no_rule(tmp_path: Path) -> None:
    assert read_rules(str(tmp_path / "gone")) == ()


def test_all_that_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        a=USB + "\n" + USB.replace("no-usb", "second").replace("name", "nmae"),
        b="[[rule]\n",
        c='\n\nrules = "x"\n',
        d="[rule]\nid = 1\n",
        e=FORCED.replace("id = ", "idd = "),
        f=USB.replace('"deny"', '"dney"'),
    )
    assert faults(tmp_path) == [
        "/a.toml:9: nmae: no such key; did you mean name?",
        "/b.toml:1: Expected ']]' at the end of an array declaration",
        "/c.toml:3: rules: only [[rule]] tables can be in it",
        "/d.toml:1: rule: only [[rule]] tables can be in it",
        "/e.toml:2: idd: no such key; did you mean id?",
        "/f.toml:3: action: 'dney' is none of allow, deny",
    ]


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    write(tmp_path, a=USB, b="\n" + USB)
    assert faults(tmp_path) == [f"/b.toml:2: id: 'no-usb' is also the rule of {tmp_path}/a.toml:1"]


def test_more_rules_than_the_kernel_compares(tmp_path: Path) -> None:
    write(tmp_path, a="".join(USB.replace("no-usb", f"r{number}") for number in range(256)))
    assert len(read_rules(str(tmp_path))) == 256
    write(tmp_path, b=FORCED)
    assert faults(tmp_path) == [": 257 rules; the kernel compares 256"]


def test_a_file_that_others_may_write_to(tmp_path: Path) -> None:
    write(tmp_path, a=USB)
    (tmp_path / "a.toml").chmod(0o666)
    assert faults(tmp_path) == ["/a.toml: others may write to it (mode 0666)"]
    (tmp_path / "b.toml").symlink_to("/dev/zero")
    assert "/b.toml: it is not a regular file" in faults(tmp_path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"# fine\n# \xff\n")
    assert faults(tmp_path) == ["/a.toml:2: not UTF-8"]


def test_a_file_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rule_files, "_LARGEST", 100)
    (tmp_path / "a.toml").write_text("#" * 101)
    assert faults(tmp_path) == ["/a.toml: larger than 100 bytes"]


def test_nested_too_deep(tmp_path: Path) -> None:
    write(tmp_path, a="x = " + "[" * 100_000)
    assert len(faults(tmp_path)) == 1


def test_a_header_inside_a_text_confuses_nobody() -> None:
    text = '[[rule]]\nid = "a"\naction = "deny"\nname = "x"\nmessage = """\n[[rule]]\n"""\n' + USB
    first, second = parse(text, "/x")
    assert (first.where, second.where) == ("/x:0", "/x:0")
    assert first.message == "[[rule]]\n"


def test_tables(tmp_path: Path) -> None:
    assert [table["id"] for table in tables(USB + FORCED)] == ["no-usb", "forced"]


@given(st.text(alphabet='[]rule id="\n=deny.#{}', max_size=80))
def test_any_text_is_rules_or_faults(text: str) -> None:
    with contextlib.suppress(RulesError):
        assert isinstance(parse(text, "/x"), list)
