# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vmtest.errors import UsageError
from vmtest.kernels import KERNELS, find_kernel, kernel_names, select_kernels


def test_names_and_packages_are_unique() -> None:
    assert len({kernel.name for kernel in KERNELS}) == len(KERNELS)
    assert len({kernel.meta_package for kernel in KERNELS}) == len(KERNELS)


def test_the_list_has_both_kernels_of_debian_12() -> None:
    found = {kernel.name: kernel.meta_package for kernel in KERNELS}
    assert found["6.1"] == "linux-image-amd64"
    assert found["6.12"] == "linux-image-6.12-amd64"


def test_find_kernel() -> None:
    assert find_kernel("6.12").name == "6.12"


@pytest.mark.parametrize("name", ["6.13", "6", "", "linux"])
def test_unknown_kernel_names_the_nearest(name: str) -> None:
    with pytest.raises(UsageError, match=r"nearest: .*6\.1") as caught:
        find_kernel(name)
    assert caught.value.exit_status == 2


def test_select_all_once_and_in_order() -> None:
    assert [k.name for k in select_kernels(["all"])] == kernel_names()
    assert [k.name for k in select_kernels(["6.12", "all", "6.12"])] == [
        "6.12",
        *(name for name in kernel_names() if name != "6.12"),
    ]
    assert select_kernels([]) == []
