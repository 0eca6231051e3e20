"""What the kernel tells of its system calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringward.events.syscall_table import Parameter
from ringward.sensor import tracefs

OPENAT = """name: sys_enter_openat
ID: 782
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
\tfield:int dfd;\toffset:16;\tsize:8;\tsigned:0;
\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] __filename_val;\toffset:32;\tsize:4;\tsigned:0;

print fmt: "dfd: 0x%08lx", ((unsigned long)(REC->dfd))
"""


def test_arguments_are_what_stands_behind_the_number() -> None:
    assert tracefs.parse_format(OPENAT) == (Parameter("int", "dfd"), Parameter("const char *", "filename"))


def test_a_folder_has_one_call_a_tracepoint(tmp_path: Path) -> None:
    (tmp_path / "sys_enter_openat").mkdir()
    (tmp_path / "sys_enter_openat" / "format").write_text(OPENAT)
    (tmp_path / "sys_exit_openat").mkdir()
    assert set(tracefs.parameters(tmp_path)) == {"openat"}
    assert tracefs.names(tmp_path) == {"openat"}


def test_a_kernel_that_hides_them_is_not_one_without_calls(tmp_path: Path) -> None:
    assert tracefs.names(tmp_path / "missing") is None
    assert tracefs.names(tmp_path) is None
    with pytest.raises(OSError, match="missing"):
        tracefs.parameters(tmp_path / "missing")
