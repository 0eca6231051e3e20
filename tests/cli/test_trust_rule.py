from __future__ import annotations

import json
from pathlib import Path

import pytest

from ringward.cli import trust
from ringward.cli.errors import CannotRunError, UsageError
from ringward.trust.rule_files import read_rules
from tests.cli.trust_lab import VALIDATOR, TrustLab


class Rules:
    def __init__(self, folder: Path, trusts: TrustLab) -> None:
        self.folder = folder / "rules.d"
        self.trusts = trusts

    def run(self, *argv: str) -> tuple[int, str, str]:
        status = trust.main(["rule", "--rules", str(self.folder), *argv])
        return status, *self.trusts.capsys.readouterr()

    def listed(self) -> str:
        self.trusts.run("init")
        return self.run("list", "--database", str(self.trusts.database), "--output", "text")[1]


@pytest.fixture
def rules(tmp_path: Path, trusts: TrustLab) -> Rules:
    return Rules(tmp_path, trusts)


ADD = ("add", "no-usb", "deny", "--name", "usb-storage", "--name", "uas", "--uid", "1000-59999", "--uid", "0")


def test_a_rule_is_a_file_that_can_be_read(rules: Rules) -> None:
    status, out, _ = rules.run(*ADD, "--container", "true", "--message", 'ask "ops"')
    assert status == 0
    path = rules.folder / "no-usb.toml"
    text = (
        '[[rule]]\nid = "no-usb"\naction = "deny"\ncontainer = true\nname = ["usb-storage", "uas"]\n'
        'uid = ["1000-59999", 0]\nmessage = "ask \\"ops\\""\n'
    )
    assert path.read_text() == text
    assert out == f"{path} is written:\n{text}"
    (rule,) = read_rules(str(rules.folder))
    assert rule.where == f"{path}:1"
    assert [each.name for each in rules.folder.iterdir()] == ["no-usb.toml"]


def test_dry_runs(rules: Rules) -> None:
    assert "would be written:\n[[rule]]" in rules.run(*ADD, "--dry-run")[1]
    assert not rules.folder.exists()
    rules.run(*ADD)
    assert "would be removed:\n[[rule]]" in rules.run("remove", "no-usb", "-n")[1]
    assert (rules.folder / "no-usb.toml").exists()


def test_what_is_refused(rules: Rules) -> None:
    with pytest.raises(UsageError, match="without a condition"):
        rules.run("add", "x", "deny")
    with pytest.raises(UsageError, match="name: 'a\\*b'"):
        rules.run("add", "x", "deny", "--name", "a*b")
    with pytest.raises(UsageError, match="uid"):
        rules.run("add", "x", "deny", "--uid", "root")
    with pytest.raises(UsageError, match="id"):
        rules.run("add", "../x", "deny", "--name", "a")
    with pytest.raises(UsageError, match="invalid choice"):
        rules.run("add", "x", "maybe", "--name", "a")
    rules.run(*ADD)
    with pytest.raises(UsageError, match="there is a rule of that name"):
        rules.run(*ADD)
    with pytest.raises(UsageError, match="there is no rule 'x'"):
        rules.run("remove", "x")
    # A directory of rules that is wrong somewhere is touched no more.
    bad = rules.folder / "bad.toml"
    bad.write_text("[")
    bad.chmod(0o644)
    with pytest.raises(CannotRunError, match=r"bad\.toml:1"):
        rules.run("add", "y", "deny", "--name", "a")
    assert len(list(rules.folder.iterdir())) == 2


def test_removing(rules: Rules) -> None:
    rules.run(*ADD)
    two = rules.folder / "two.toml"
    two.write_text("".join(f'[[rule]]\nid = "{name}"\naction = "deny"\nname = "x"\n' for name in "ab"))
    two.chmod(0o644)
    with pytest.raises(UsageError, match=r"'b' is not alone in its file: take it out there, .*two\.toml:5"):
        rules.run("remove", "b")
    assert rules.run("remove", "no-usb")[0] == 0
    assert [rule.id for rule in read_rules(str(rules.folder))] == ["a", "b"]


def test_listing(rules: Rules) -> None:
    rules.run(*ADD, "--parameter", "quirks", "--flag", "forced", "--origin", "udev", "--kernel-thread", "false")
    rules.run("add", "tools", "allow", "--on", "programs", "--package", "tools", "--digest", "ab" * 32)
    lines = rules.listed().splitlines()
    assert lines[0].split() == ["RULE", "SAYS", "ON", "WHERE", "CONDITIONS"]
    assert lines[1].split()[:3] == ["no-usb", "deny", "modules"]
    rules.trusts.capsys.readouterr()
    status, out, err = rules.run("list", "--database", str(rules.trusts.database), "--json")
    document = json.loads(out)
    VALIDATOR.validate(document)
    first, second = document["rules"]
    assert first["conditions"] == (
        "name usb_storage, uas; parameter quirks=*; flag ignore-modversions, ignore-vermagic, force; origin udev;"
        " uid 1000-59999, 0; kernel_thread False"
    )
    assert (second["on"], second["idle"]) == (["programs"], True)
    assert (status, err) == (0, "")


def test_rules_that_nothing_fits_are_told(rules: Rules) -> None:
    rules.run("add", "gone", "deny", "--package", "gone")
    rules.trusts.run("init")
    status, _, err = rules.run("list", "--database", str(rules.trusts.database), "--output", "text")
    assert status == 0
    assert "rule gone: no digest of the database is what it wants" in err


def test_without_a_database_that_is_not_looked_up(rules: Rules) -> None:
    rules.run(*ADD)
    status, out, _ = rules.run("list", "--database", str(rules.trusts.database), "--json")
    assert status == 3
    document = json.loads(out)
    VALIDATOR.validate(document)
    assert document["rules"][0]["idle"] is None
    assert "was not looked up" in document["warning"]
