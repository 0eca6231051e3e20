from __future__ import annotations

from pathlib import Path

import pytest

from ringward.kmod import acceptance
from ringward.kmod.acceptance import COULD_NOT_LOOK, NO, YES, Candidate, Check, Provider
from ringward.kmod.symvers import KERNEL, Export
from ringward.kmod.verify import COULD_NOT_LOOK as NOT_VERIFIED
from ringward.kmod.verify import INVALID, UNKNOWN_KEY, UNSIGNED, VALID, Verdict
from tests.kmod.lab import VERSION
from tests.kmod.plan_lab import CONFIG, MAGIC, PlanLab

BOOT = f"boot/config-{VERSION}"
IMAGE = f"boot/vmlinuz-{VERSION}"
SYMVERS = f"lib/modules/{VERSION}/build/Module.symvers"
LOCKDOWN = "sys/kernel/security/lockdown"
SIG_ENFORCE = "sys/module/module/parameters/sig_enforce"


@pytest.fixture
def lab(tmp_path: Path) -> PlanLab:
    return PlanLab(tmp_path / "lab")


def candidate(
    *wants: tuple[str, int | None, bool], magic: str | None = MAGIC, gpl: bool = True, namespaces: tuple[str, ...] = ()
) -> Candidate:
    return Candidate("m", magic, list(wants), list(namespaces), gpl=gpl)


@pytest.mark.parametrize(
    ("facts", "result", "why"),
    [
        ({}, YES, "is 0"),
        ({"proc/sys/kernel/modules_disabled": "1\n"}, NO, "until the next boot"),
        ({BOOT: "CONFIG_X=y\n"}, NO, "CONFIG_MODULES is not set"),
        ({"proc/cmdline": "a nomodule\n"}, NO, "'nomodule'"),
        ({"proc/cmdline": "a module_blacklist=x,m\n"}, NO, "the kernel itself refuses it"),
        ({"proc/cmdline": "a module_blacklist=mm,x-m\n"}, YES, "is 0"),
        ({"proc/cmdline": "module_blacklist=m module_blacklist=x\n"}, YES, "is 0"),
        ({"proc/sys/kernel/modules_disabled": None}, COULD_NOT_LOOK, "No such file"),
    ],
)
def test_whether_modules_are_loaded_at_all(lab: PlanLab, facts: dict[str, str | None], result: str, why: str) -> None:
    for name, text in facts.items():
        lab.write(name, text)
    check = acceptance.loading(lab.kernel(), "m")
    assert (check.what, check.result) == ("loading", result)
    assert why in check.why


@pytest.mark.parametrize(
    ("magic", "crc", "result"),
    [
        (MAGIC, 1, YES),
        ("2.0 SMP mod_unload modversions ", 1, YES),  # with checksums the release does not count
        ("2.0 SMP mod_unload modversions ", None, NO),
        (f"{VERSION} SMP preempt mod_unload modversions ", 1, NO),
        (MAGIC, None, YES),
        (None, 1, NO),
    ],
)
def test_version_magic(lab: PlanLab, magic: str | None, crc: int | None, result: str) -> None:
    assert acceptance.vermagic(lab.kernel(), candidate(("kfree", crc, False), magic=magic)).result == result


def test_version_magic_when_the_kernels_is_not_known(lab: PlanLab) -> None:
    lab.write(IMAGE, None)
    kernel = lab.kernel()
    assert acceptance.vermagic(kernel, candidate(("kfree", 1, False), magic="2.0 SMP ")).result == COULD_NOT_LOOK
    assert acceptance.vermagic(kernel, candidate(magic=MAGIC)).result == COULD_NOT_LOOK
    refused = acceptance.vermagic(kernel, candidate(magic="2.0 SMP "))
    assert (refused.result, refused.why) == (NO, f"for 2.0, not {VERSION}")


@pytest.mark.parametrize(
    ("facts", "demanded"),
    [
        ({}, False),
        ({BOOT: CONFIG + "CONFIG_MODULE_SIG_FORCE=y\n"}, True),
        ({SIG_ENFORCE: "Y\n"}, True),
        ({LOCKDOWN: "none [integrity] confidentiality\n"}, True),
        ({LOCKDOWN: "[none] integrity confidentiality\n"}, False),
        ({SIG_ENFORCE: None}, None),
    ],
)
def test_whether_a_signature_is_demanded(lab: PlanLab, facts: dict[str, str | None], demanded: bool | None) -> None:
    for name, text in facts.items():
        lab.write(name, text)
    found, why = acceptance.demands_signature(lab.kernel())
    assert found is demanded
    assert why


@pytest.mark.parametrize(
    ("word", "not_demanded", "demanded", "unknown"),
    [
        (VALID, YES, YES, YES),
        (INVALID, NO, NO, NO),  # -EKEYREJECTED ends it whatever the policy
        (UNSIGNED, YES, NO, COULD_NOT_LOOK),
        (UNKNOWN_KEY, YES, NO, COULD_NOT_LOOK),
        (NOT_VERIFIED, COULD_NOT_LOOK, COULD_NOT_LOOK, COULD_NOT_LOOK),
    ],
)
def test_signatures(lab: PlanLab, word: str, not_demanded: str, demanded: str, unknown: str) -> None:
    verdict = Verdict(word, "so it is")
    assert acceptance.signature(lab.kernel(), verdict).result == not_demanded
    lab.write(SIG_ENFORCE, "Y\n")
    assert acceptance.signature(lab.kernel(), verdict).result == demanded
    lab.write(SIG_ENFORCE, None)
    (lab.root / SIG_ENFORCE).unlink()
    assert acceptance.signature(lab.kernel(), verdict).result == unknown
    lab.write(BOOT, "CONFIG_MODULES=y\n")
    assert acceptance.signature(lab.kernel(), verdict).result == YES


def symbols(lab: PlanLab, module: Candidate, **owners: Provider | None) -> dict[str, Check]:
    checks = acceptance.symbols(lab.kernel(), module, owners.get)
    return {check.what: check for check in checks}


def kernels(crc: int | None = 1, namespace: str = "", *, gpl: bool = False) -> Provider:
    return Provider(KERNEL, Export(crc, KERNEL, namespace, gpl=gpl), ready=True)


def test_all_symbols_there(lab: PlanLab) -> None:
    found = symbols(lab, candidate(("a", 1, False), ("b", 2, True)), a=kernels(1), b=kernels(2))
    assert {check.result for check in found.values()} == {YES}
    assert list(found) == ["symbols", "symbol versions", "licence", "namespaces"]


def test_symbols_that_nobody_has(lab: PlanLab) -> None:
    module = candidate(("a", 1, False), ("weak", 1, True))
    found = symbols(lab, module)
    assert (found["symbols"].result, found["symbols"].why) == (NO, f"nobody exports a (/{SYMVERS})")
    lab.write(SYMVERS, None)
    (lab.root / SYMVERS).unlink()
    found = symbols(lab, module)
    assert found["symbols"].result == COULD_NOT_LOOK
    assert found["symbol versions"].result == COULD_NOT_LOOK
    assert found["namespaces"].result == COULD_NOT_LOOK


def test_symbols_of_modules_that_will_not_be_there(lab: PlanLab) -> None:
    owner = Provider("other", Export(1, "other"), ready=False)
    check = symbols(lab, candidate(("a", 1, False)), a=owner)["symbols"]
    assert check.result == NO
    assert "a (of other)" in check.why


def test_checksums(lab: PlanLab) -> None:
    module = candidate(("a", 1, False), ("b", 2, False))
    wrong = symbols(lab, module, a=kernels(1), b=kernels(7))["symbol versions"]
    assert (wrong.result, wrong.why) == (NO, "it disagrees about b (built for 0x00000002, vmlinux has 0x00000007)")
    assert symbols(lab, module, a=kernels(1), b=kernels(0))["symbol versions"].result == YES
    assert symbols(lab, module, a=kernels(1), b=kernels(None))["symbol versions"].result == COULD_NOT_LOOK


def test_a_module_without_checksums(lab: PlanLab) -> None:
    module = candidate(("a", None, False))
    owners = {"a": kernels(1)}
    assert symbols(lab, module, **owners)["symbol versions"].result == YES
    lab.write(BOOT, CONFIG.replace("CONFIG_MODULE_FORCE_LOAD=y", ""))
    assert symbols(lab, module, **owners)["symbol versions"].result == NO
    lab.write(BOOT, None)
    (lab.root / BOOT).unlink()
    assert symbols(lab, module, **owners)["symbol versions"].result == COULD_NOT_LOOK
    lab.write(IMAGE, MAGIC.replace("modversions ", "") + "\0")
    assert symbols(lab, module, **owners)["symbol versions"].result == YES
    lab.write(IMAGE, "nothing")
    assert symbols(lab, module, **owners)["symbol versions"].result == COULD_NOT_LOOK


def test_licences(lab: PlanLab) -> None:
    module = candidate(("a", 1, False), gpl=False)
    assert symbols(lab, module, a=kernels())["licence"].result == YES
    refused = symbols(lab, module, a=kernels(gpl=True))["licence"]
    assert refused.result == NO
    assert "needs a" in refused.why
    assert symbols(lab, module, a=kernels(None))["licence"].result == COULD_NOT_LOOK
    assert symbols(lab, candidate(("a", 1, False)), a=kernels(gpl=True))["licence"].result == YES


def test_namespaces(lab: PlanLab) -> None:
    owners = {"a": kernels(1, "SPACE")}
    assert symbols(lab, candidate(("a", 1, False), namespaces=("SPACE",)), **owners)["namespaces"].result == YES
    module = candidate(("a", 1, False))
    refused = symbols(lab, module, **owners)["namespaces"]
    assert (refused.result, refused.why) == (NO, "not imported: SPACE")
    lab.write(BOOT, CONFIG + "CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS=y\n")
    assert symbols(lab, module, **owners)["namespaces"].result == YES
    lab.write(BOOT, None)
    (lab.root / BOOT).unlink()
    assert symbols(lab, module, **owners)["namespaces"].result == COULD_NOT_LOOK


def test_long_lists_are_cut(lab: PlanLab) -> None:
    module = candidate(*((f"s{number}", 1, False) for number in range(9)))
    assert "s4 and 4 more" in symbols(lab, module)["symbols"].why


def test_one_no_decides(lab: PlanLab) -> None:
    checks = [Check("a", YES, ""), Check("b", COULD_NOT_LOOK, ""), Check("c", NO, "")]
    assert [acceptance.overall(checks[:count]) for count in (1, 2, 3)] == [YES, COULD_NOT_LOOK, NO]
