from __future__ import annotations

import pytest

from ringward.kmod.sensitive import GROUPS, SENSITIVE, sensitive
from ringward.kmod.symvers import parse
from tests.kmod.conftest import KernelTree
from vmtest.errors import VmtestError
from vmtest.trees import fetch_headers


def test_symbols_come_with_their_group_in_their_order() -> None:
    assert sensitive(["printk", "commit_creds", "kfree", "kallsyms_lookup_name"]) == [
        ("commit_creds", "credentials"),
        ("kallsyms_lookup_name", "symbol lookup"),
    ]


def test_every_group_is_explained_and_used() -> None:
    assert set(SENSITIVE.values()) == set(GROUPS)
    assert all(GROUPS.values())


def test_current_kernels_export_some_of_every_group(kernel_tree: KernelTree) -> None:
    try:
        path = fetch_headers(kernel_tree.version) / "Module.symvers"
    except VmtestError as error:
        pytest.skip(f"no headers of {kernel_tree.version}: {error}")
    exported = parse(path.read_text(), str(path))
    groups = {group for symbol, group in SENSITIVE.items() if symbol in exported}
    assert groups == set(GROUPS)
    # What everybody had in 4.19 and nobody has today: it is what out-of-tree modules ask for.
    assert not {"kallsyms_lookup_name", "set_memory_rw", "sys_call_table"} & set(exported)
