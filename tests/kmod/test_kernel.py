from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from ringward.kmod import kernel as facts
from ringward.kmod.kernel import Kernel
from ringward.kmod.modinfo import read_info
from ringward.kmod.tree import Tree
from tests.kmod.conftest import KernelTree
from tests.kmod.lab import VERSION
from tests.kmod.plan_lab import MAGIC, PlanLab


@pytest.fixture
def lab(tmp_path: Path) -> PlanLab:
    return PlanLab(tmp_path / "lab")


def test_what_a_system_says_of_its_kernel(lab: PlanLab) -> None:
    kernel = lab.kernel()
    assert kernel.vermagic() == (MAGIC, f"/boot/vmlinuz-{VERSION}")
    exports, where = kernel.exports()
    assert exports is not None
    assert (exports["kfree"].crc, where) == (0x11, f"/lib/modules/{VERSION}/build/Module.symvers")
    assert kernel.option("MODULE_SIG") == ("y", f"/boot/config-{VERSION}")
    assert kernel.option("MODULE_SIG_FORCE")[0] == "n"
    assert kernel.told(facts.DISABLED) == ("0\n", facts.DISABLED)


def test_what_it_does_not_say_has_a_reason(tmp_path: Path) -> None:
    kernel = Kernel(Tree("", VERSION, root=str(tmp_path)), running=False)
    magic, why = kernel.vermagic()
    assert magic is None
    assert f"/boot/vmlinuz-{VERSION}: No such file or directory" in why
    assert kernel.exports() == (None, f"no Module.symvers of {VERSION}: install this kernel's headers")
    value, why = kernel.option("MODULE_SIG")
    assert value is None
    assert f"/boot/config-{VERSION}" in why
    assert kernel.told(facts.DISABLED) == (None, f"{facts.DISABLED}: No such file or directory")
    assert kernel.trusted().certificates == []


def test_an_image_of_another_kernel(lab: PlanLab) -> None:
    lab.write(f"boot/vmlinuz-{VERSION}", "2.0 SMP mod_unload \0")
    magic, why = lab.kernel().vermagic()
    assert magic is None
    assert f"there is no version magic of {VERSION} in it" in why


def test_another_kernels_state_is_not_the_running_ones() -> None:
    kernel = Kernel(Tree("", "1.0"), running=False)
    assert kernel.told(facts.CMDLINE) == (None, "1.0 is not the running kernel")
    here = Kernel(Tree("", os.uname().release), running=True)
    assert here.told(facts.CMDLINE)[0] == Path("/proc/cmdline").read_text()


def test_the_running_kernels_own_configuration(lab: PlanLab) -> None:
    lab.write(f"boot/config-{VERSION}", None)
    (lab.root / "proc").mkdir()
    (lab.root / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_MODULES=y\nCONFIG_X=m\n"))
    assert lab.kernel().option("X") == ("m", "/proc/config.gz")


def test_exports_of_a_running_kernel_without_headers(lab: PlanLab) -> None:
    lab.write(f"lib/modules/{VERSION}/build/Module.symvers", None)
    lab.write("proc/kallsyms", "0000000000000000 r __ksymtab_kfree\n")
    exports, where = lab.kernel().exports()
    assert exports is not None
    assert (exports["kfree"].crc, where) == (None, facts.KALLSYMS)


def test_certificates_that_are_named(lab: PlanLab, tmp_path: Path) -> None:
    (lab.root / "key.pem").write_text("nothing of the kind\n")
    assert "key.pem" in lab.kernel("/key.pem").trusted().problems[0]


def test_debians_kernels(kernel_tree: KernelTree) -> None:
    tree = Tree(kernel_tree.base, kernel_tree.version)
    kernel = Kernel(tree, running=False)
    magic, where = kernel.vermagic()
    # What its own modules say is the second witness.
    some = next(tree.lines())
    assert [magic] == read_info(some.path).values("vermagic")
    assert where == f"{kernel_tree.base}/boot/vmlinuz-{kernel_tree.version}"
    assert kernel.option("MODULE_SIG")[0] == "y"
    assert kernel.trusted().certificates


def test_exports_are_in_the_image_itself(kernel_tree: KernelTree) -> None:
    kernel = Kernel(Tree(kernel_tree.base, kernel_tree.version), running=False)
    exports, where = kernel.exports()
    assert where == f"{kernel_tree.base}/boot/vmlinuz-{kernel_tree.version}"
    assert exports is not None
    assert exports["kfree"].crc
