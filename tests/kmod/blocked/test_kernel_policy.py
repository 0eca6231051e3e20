from __future__ import annotations

import pytest

from ringward.kmod.blocked.kernel_policy import HELPER, File, Policy
from ringward.kmod.kernel import Kernel
from tests.kmod.blocked.lab import BlockedLab
from tests.kmod.lab import VERSION
from tests.kmod.plan_lab import module


def look(lab: BlockedLab, name: str) -> File:
    return Policy(lab.kernel()).file(name, lab.live())


def test_a_file_that_the_kernel_takes(lab: BlockedLab) -> None:
    found = look(lab, "c")
    assert (found.refusal, found.forced, found.unseen, found.why_no_file) == ("", False, {}, "")
    assert found.facts is not None
    assert found.facts.path.endswith("/kernel/c.ko")


def test_what_the_kernel_refuses(lab: BlockedLab) -> None:
    lab.write("proc/cmdline", "module_blacklist=b\n")
    assert look(lab, "b").refusal.startswith("loading: 'module_blacklist=b' in /proc/cmdline")
    found = look(lab, "c")
    assert found.refusal.startswith("b, which it needs: loading: ")
    assert not found.forced
    assert look(lab, "a").refusal == ""
    policy = Policy(lab.kernel())
    assert (bool(policy.refuses("b")), policy.refuses("c")) == (True, "")


def test_an_unsigned_one_where_a_signature_is_demanded(lab: BlockedLab) -> None:
    lab.write("sys/module/module/parameters/sig_enforce", "Y\n")
    assert look(lab, "d").refusal.startswith("signature: unsigned")


def test_force_helps_against_versions(lab: BlockedLab) -> None:
    lab.files(d=module("d", magic="2.0 SMP mod_unload modversions "), a=module("a", wants={"kfree": 0x77}))
    assert look(lab, "a").forced
    lab.files(d=module("d", magic=f"{VERSION} mod_unload "))
    assert look(lab, "d").forced
    lab.write(f"boot/config-{VERSION}", "CONFIG_MODULES=y\n# CONFIG_MODULE_FORCE_LOAD is not set\n")
    assert not look(lab, "d").forced
    lab.files(d=module("d", wants={"not_there": 1}))
    found = look(lab, "d")
    assert (found.refusal[:8], found.forced) == ("symbols:", False)


def test_what_is_not_known(lab: BlockedLab) -> None:
    lab.write("proc/sys/kernel/modules_disabled", None)
    (lab.root / "proc/sys/kernel/modules_disabled").unlink(missing_ok=True)
    found = look(lab, "d")
    assert list(found.unseen.values()) == [["loading"]]
    lab.files(d=b"")
    found = look(lab, "d")
    assert found.facts is None
    assert "d.ko" in found.why_no_file


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("/sbin/modprobe\n", True),
        ("\n", False),
        ("/bin/true\n", False),
        ("/bin/nowhere\n", False),
        ("/bin/own\n", None),
    ],
)
def test_whether_the_kernel_calls_modprobe(lab: BlockedLab, text: str, asks: bool | None) -> None:
    (lab.root / "bin/own").touch()
    lab.write("proc/sys/kernel/modprobe", text)
    found, why = Policy(lab.kernel()).asks()
    assert found is asks
    assert why.startswith(HELPER)


def test_of_a_kernel_that_does_not_run_it_is_not_known(lab: BlockedLab) -> None:
    tree = lab.tree()
    tree.root = ""
    assert Policy(Kernel(tree, running=False)).asks() == (None, f"{VERSION} is not the running kernel")
