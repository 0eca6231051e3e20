from __future__ import annotations

import pytest

from ringward.kmod.tree import ALIAS, Tree
from ringward.kmod.triggers import ANYONE, DEVICE, NAMESPACE, NODE, NOT_KNOWN, ROOT, WHO, named, trigger_of
from tests.kmod.conftest import KernelTree


@pytest.mark.parametrize(
    ("alias", "who", "by_kernel"),
    [
        ("net_pf_5", ANYONE, True),
        ("net_pf_16_proto_16_family_wireguard", ANYONE, True),
        ("crypto_zstd", ANYONE, True),
        ("fs_minix", NAMESPACE, True),
        ("xt_udp", NAMESPACE, True),
        ("char_major_10_*", NODE, True),
        ("tcp_vegas", ROOT, True),
        ("symbol:stv0299_attach", NOT_KNOWN, True),
        ("pci:v00008086d*sv*sd*bc*sc*i*", DEVICE, False),
        ("acpi*:PNP0C0A:*", DEVICE, False),
        ("devname:loop_control", ROOT, False),
        ("camellia", NOT_KNOWN, True),
    ],
)
def test_who_asks(alias: str, who: str, by_kernel: bool) -> None:
    found = trigger_of(alias)
    assert (found.who, found.by_kernel) == (who, by_kernel)
    assert found.who in WHO


def test_some_modules_are_asked_for_by_their_own_names() -> None:
    found = named("bridge")
    assert found is not None
    assert (found.who, found.what) == (ANYONE, "ioctl(2) SIOCGIFBR of a socket")
    # An alias that begins so is asked for, a module of such a name is not.
    assert (named("nf_conntrack"), trigger_of("nf_logger_2_1").who) == (None, NAMESPACE)


def test_most_aliases_are_known(kernel_tree: KernelTree) -> None:
    index = Tree(kernel_tree.base, kernel_tree.version).index(ALIAS)
    assert index is not None
    who = [trigger_of(alias).who for alias, _ in index.walk()]
    assert who.count(NOT_KNOWN) / len(who) < 0.02
    assert set(who) == set(WHO)
