from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest

from ringward.kmod import symvers
from ringward.kmod.acceptance import COULD_NOT_LOOK, NO, YES
from ringward.kmod.config import load_config
from ringward.kmod.kernel import DISABLED, LOCKDOWN, SIG_ENFORCE, Kernel
from ringward.kmod.plan import Plan, Planned, Planner
from ringward.kmod.resolve import Resolver
from ringward.kmod.step import INSMOD
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.lab import Loaded
from tests.kmod.plan_lab import PlanLab, module
from vmtest.errors import VmtestError
from vmtest.trees import fetch_headers

CHOSEN = 40


@pytest.fixture
def lab(tmp_path: Path) -> PlanLab:
    found = PlanLab(tmp_path / "lab")
    found.modules(
        {"base": [], "user": ["base"], "other": [], "gone": []},
        aliases=[("bus:*", "user")],
        symbols=[("base_do", "base")],
        builtin=["own"],
        missing=["gone"],
    )
    found.files(
        base=module("base", exports={"base_do": 0x77}),
        user=module("user", wants={"base_do": 0x77, "commit_creds": 0x22}),
        other=module("other"),
    )
    return found


def steps(plan: Plan) -> dict[str, Planned]:
    return {each.step.name: each for each in plan.steps}


def notes(planned: Planned) -> list[tuple[str, int | None]]:
    return [(note.text, note.directive.line if note.directive else None) for note in planned.notes]


def test_a_plan_of_one_module(lab: PlanLab) -> None:
    plan = lab.plan("bus:1")
    (answer, about), *more = plan.answers
    assert ([hit.name for hit in answer.hits], about, more) == (["user"], [], [])
    base, user = plan.steps
    assert (base.step.name, base.step.cause.of) == ("base", "user")
    assert user.sensitive == [("commit_creds", "credentials")]
    assert [base.accepted, user.accepted] == [YES, YES]
    assert [check.what for check in user.checks] == [
        "loading",
        "vermagic",
        "signature",
        "symbols",
        "symbol versions",
        "licence",
        "namespaces",
    ]
    assert (user.state, user.again, user.why_no_file) == (None, [], "")


def test_what_a_file_is(lab: PlanLab) -> None:
    data = (lab.directory / "kernel/user.ko").read_bytes()
    file = steps(lab.plan("user"))["user"].file
    assert file is not None
    assert (file.path, file.size) == ("/lib/modules/1.0/kernel/user.ko", len(data))
    assert file.sha256 == file.image_sha256 == hashlib.sha256(data).hexdigest()
    assert (file.licence, file.verdict.word) == ("GPL", "unsigned")
    assert [taint.letter for taint in file.taints] == ["E"]


def test_a_module_that_comes_again_is_one_step(lab: PlanLab) -> None:
    lab.configure("softdep other pre: base post: bus:1")
    plan = lab.plan("user", "other")
    assert [each.step.name for each in plan.steps] == ["base", "user", "other"]
    base = plan.steps[0]
    assert [(cause.kind, cause.of) for cause in base.again] == [("softdep pre", "other"), ("dependency", "user")]
    assert [cause.word for cause in plan.steps[1].again] == ["bus:1"]


def test_later_parameters_come_too_late(lab: PlanLab) -> None:
    lab.configure("options bus:1 x=1")
    planned = steps(lab.plan("user", "bus:1"))["user"]
    assert notes(planned) == [("later it would get the parameters 'x=1', but it is loaded by then", None)]
    assert planned.step.parameters() == ""


def test_directives_without_effect_are_told(lab: PlanLab) -> None:
    lab.configure(
        "softdep user pre: other",
        "softdep user pre: base",
        "install user first",
        "install user second",
        "blacklist user",
        "blacklist base",
    )
    plan = steps(lab.plan("user"))
    assert notes(plan["user"]) == [
        ("only the first softdep line of a module counts", 2),
        ("not run: the module has softdeps, and then no command is run", 3),
        ("only one install line counts", 4),
        ("the blacklist does not stop it: the module was asked for by its own name", 5),
    ]
    assert notes(plan["base"]) == [("the blacklist does not stop it: user needs it", 6)]
    merged = steps(lab.plan("user", all_softdeps=True))["user"]
    assert (merged.notes[0].text, len(merged.notes)) == (
        "not run: the module has softdeps, and then no command is run",
        3,
    )
    ignoring = steps(lab.plan("user", ignore_commands=True))["user"]
    assert notes(ignoring)[:3] == [
        ("its softdeps are left out with the commands", 1),
        ("its softdeps are left out with the commands", 2),
        ("not run: commands are to be ignored", 3),
    ]


def test_what_is_skipped(lab: PlanLab) -> None:
    lab.configure("blacklist user")
    lab.load({"other": Loaded()})
    plan = lab.plan("bus:1", "other", "own", "nothing-here")
    assert [(each.step.action, each.step.name, each.state) for each in plan.steps] == [
        ("skip", "user", None),
        ("loaded", "other", "live"),
        ("loaded", "own", "builtin"),
        ("skip", "nothing-here", None),
    ]
    assert [each.accepted for each in plan.steps] == [None] * 4
    assert plan.steps[0].step.why == "blacklisted"
    assert plan.steps[1].file is not None  # what is loaded is looked at all the same
    assert plan.steps[2].why_no_file == "it is a part of the kernel"
    assert plan.steps[3].why_no_file == "there is no file"


def test_what_an_alias_hides(lab: PlanLab) -> None:
    lab.configure("alias other nowhere", "alias other user")
    (_, about), *_ = lab.plan("other").answers
    assert [(note.text, note.directive.line if note.directive else 0) for note in about] == [
        ("the alias hides the module other", 1),
        ("there is no module nowhere; aliases of aliases are not followed", 1),
    ]


def test_a_refused_module_takes_its_users_along(lab: PlanLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=base\n")
    plan = steps(lab.plan("user"))
    assert plan["base"].accepted == NO
    refused = next(check for check in plan["user"].checks if check.what == "symbols")
    assert (refused.result, "base_do (of base)" in refused.why) == (NO, True)


def test_what_is_loaded_already_provides(lab: PlanLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=base\n")
    lab.load({"base": Loaded()})
    assert steps(lab.plan("user"))["user"].accepted == YES


def test_checksums_of_other_modules(lab: PlanLab) -> None:
    lab.files(base=module("base", exports={"base_do": 0x78}))
    user = steps(lab.plan("user"))["user"]
    check = next(each for each in user.checks if each.what == "symbol versions")
    assert (check.result, "base has 0x00000078" in check.why) == (NO, True)


def test_files_that_cannot_be_looked_at(lab: PlanLab) -> None:
    lab.files(user=b"no module at all")
    lab.configure("softdep other post: gone")
    plan = steps(lab.plan("user", "other"))
    assert plan["gone"].why_no_file.endswith("gone.ko: No such file or directory")
    assert "user.ko" in plan["user"].why_no_file
    assert [plan[name].accepted for name in ("gone", "user", "other")] == [COULD_NOT_LOOK, COULD_NOT_LOOK, YES]


def test_missing_dependencies(lab: PlanLab) -> None:
    lab.modules({"base": [], "user": ["base"]}, missing=["base"])
    lab.files(user=module("user"))
    (planned,) = lab.plan("user").steps
    assert notes(planned) == [
        ("modules.dep names /lib/modules/1.0/kernel/base.ko, which does not exist: all dependencies are left out", None)
    ]


class Permissive(Kernel):
    """A kernel that says what a running Debian would, and has Debian's headers."""

    def told(self, path: str) -> tuple[str | None, str]:
        said = {DISABLED: "0\n", SIG_ENFORCE: "Y\n", LOCKDOWN: "none [integrity] confidentiality\n"}
        return said.get(path), path


def test_debians_kernels_accept_their_own_modules(kernel_tree: KernelTree, tmp_path: Path) -> None:
    try:
        headers = fetch_headers(kernel_tree.version) / "Module.symvers"
    except VmtestError as error:
        pytest.skip(f"no headers of {kernel_tree.version}: {error}")
    tree = Tree(kernel_tree.base, kernel_tree.version)
    kernel = Permissive(tree, running=False)
    kernel._exports = (symvers.parse(headers.read_text(), str(headers)), str(headers))
    resolver = Resolver(tree, load_config([], cmdline="", module_dir=tree.directory))

    class Nothing:
        def state(self, _name: str) -> None:
            return None

    chosen = random.Random(kernel_tree.version).sample(tree.modules(), CHOSEN)
    plan = Planner(resolver, Nothing(), kernel).plan(chosen)  # type: ignore[arg-type]
    loads = [each for each in plan.steps if each.step.action == INSMOD]
    assert len(loads) >= CHOSEN
    refusals = [
        (each.step.name, check.what, check.why) for each in loads for check in each.checks if check.result != YES
    ]
    assert refusals == []
    assert {each.file.verdict.word for each in loads if each.file} == {"valid"}
