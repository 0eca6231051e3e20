"""Builds what pyproject.toml cannot say: the eBPF objects and the native module."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CLANG = (
    "clang",
    "-O2",
    "-g",
    "-target",
    "bpf",
    "-mcpu=v3",
    "-D__TARGET_ARCH_x86",
    "-Wall",
    "-Werror",
    "-Wno-unused-function",
    "-Wno-unknown-attributes",
    "-I/usr/include/x86_64-linux-gnu",
)
# Debian's static archives are not position independent, so that the shared ones travel in the wheel.
BUNDLED = ("libbpf.so.1", "libelf.so.1")


def build_objects(folder: Path) -> None:
    """Compile every bpf/NAME.bpf.c into folder/NAME.bpf.o; only its BTF stays of the debug information."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(Path("bpf").glob("*.bpf.c")):
        target = folder / source.name.replace(".bpf.c", ".bpf.o")
        subprocess.run([*CLANG, "-c", str(source), "-o", str(target)], check=True)
        subprocess.run(["llvm-strip", "-g", str(target)], check=True)


def build_keeper(folder: Path) -> None:
    """Compile the guard's helper: static, so that nothing of the caller's runs in it."""
    fresh = folder / "ringward-keeper.new"
    source = Path("native/keeper/keeper.c")
    flags = ("-D_GNU_SOURCE", "-O2", "-Wall", "-Werror", "-static")
    subprocess.run(["gcc", *flags, "-o", str(fresh), str(source)], check=True)
    # Moved into place: one that runs cannot be written to.
    fresh.replace(folder / "ringward-keeper")


def bundle_libraries(folder: Path) -> None:
    """Copy the shared libraries that the native module is linked with."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in BUNDLED:
        found = subprocess.run(["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True)
        # Moved into place: a Ringward that runs has the old file mapped, and would crash if it were written to.
        fresh = folder / f"{name}.new"
        shutil.copy(Path(found.stdout.strip()).resolve(), fresh)
        fresh.replace(folder / name)


class BuildWithObjects(build_ext):
    """Compiles bpf/*.bpf.c into the package, then the native module."""

    def run(self) -> None:
        package = Path("src" if self.inplace else self.build_lib) / "ringward"
        build_objects(package / "sensor" / "objects")
        bundle_libraries(package / "sensor" / "lib")
        build_keeper(package / "guard")
        super().run()


setup(
    ext_modules=[
        # Not the limited API: that of Python 3.11 has neither vectorcall nor the macros of tuples and strings,
        # and a record costs half as much again without them.
        Extension(
            "ringward.sensor._native",
            sources=sorted(str(path) for path in Path("native").glob("*.c")),
            depends=["native/native.h", "native/decode.h", "native/calls.h", "native/lives.h"],
            extra_compile_args=["-O2", "-Wall", "-Wno-unused-parameter"],
            # DT_RPATH, not DT_RUNPATH: libbpf's own need of libelf is looked up there too.
            extra_link_args=["-lbpf", "-Wl,-rpath,$ORIGIN/lib,--disable-new-dtags"],
        ),
        Extension(
            "ringward.output._lines",
            sources=sorted(str(path) for path in Path("native/lines").glob("*.c")),
            depends=["native/lines/json.h"],
            extra_compile_args=["-O2", "-Wall", "-Wno-unused-parameter"],
        ),
        Extension(
            "ringward.kmod._elf",
            sources=sorted(str(path) for path in Path("native/elf").glob("*.c")),
            depends=["native/elf/image.h", "native/elf/read.h"],
            extra_compile_args=["-O2", "-Wall", "-Wno-unused-parameter"],
        ),
        Extension(
            "ringward.kmod.depmod._native",
            sources=sorted(str(path) for path in Path("native/depmod").glob("*.c")),
            depends=["native/depmod/depmod.h"],
            extra_compile_args=["-O2", "-Wall", "-Wno-unused-parameter"],
        ),
        Extension(
            "ringward.trust._files",
            sources=["native/files/files.c"],
            extra_compile_args=["-O2", "-Wall", "-Wno-unused-parameter"],
        ),
    ],
    cmdclass={"build_ext": BuildWithObjects},
)
