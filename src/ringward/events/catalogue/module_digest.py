"""The event `module_digest`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.context import FileId
from ringward.events.fields import OPT, Convert, File, K, Spec, Tail
from ringward.events.hooks import Hook

_OBJECT = "digest"
_FORMATS = {0: "unknown", 1: "elf", 2: "gzip", 3: "xz", 4: "zstd"}
_NO_TRAMPOLINE = "images whose hash another program on the same CPU preempts (the kernel counts them)"


def _digest(tail: Tail, digest: bytes, error: int) -> str | None:
    if not error:
        return digest.hex()
    tail.missing("digest", f"hashing failed with error {error}")
    return None


def _hooks(rung: str, prefix: str, loses: str) -> Hook:
    start = "" if rung == "lsm" else "security_"
    return Hook(
        f"{start}kernel_post_read_file, {start}kernel_post_load_data",
        rung,
        "The kernel's own copy of the image, after copying and before anything of it is parsed.",
        _OBJECT,
        (f"{prefix}_post_read_file", f"{prefix}_post_load_data"),
        loses,
    )


class ModuleDigest(Args, frozen=True):
    """SHA-256 of the bytes that the kernel will run."""

    group: ClassVar[str] = "modules"
    hooks = (
        _hooks("lsm", "lsm", ""),
        _hooks("fentry", "fentry", _NO_TRAMPOLINE),
        _hooks("kprobe", "kprobe", _NO_TRAMPOLINE),
    )
    extra = frozenset({"attempt", "duration", "pad"})
    use_case = ""
    issues = ""
    related = ("finit_module", "init_module", "module_load")

    digest: Annotated[
        str | None,
        Convert("u8[32]", "SHA-256, hexadecimal.", K, OPT, members=("digest", "error"), function=_digest),
    ]
    size: Annotated[int, Spec("loff_t", "Size of what was hashed, bytes.")]
    format: Annotated[
        str,
        Convert(
            "u32",
            "elf: a module image; gzip, xz, zstd: a compressed file.",
            K,
            members=("format",),
            function=lambda _tail, value: _FORMATS.get(value, str(value)),
        ),
    ]
    has_signature: Annotated[
        bool,
        Convert(
            "bool",
            "The marker of an appended signature is at the end.",
            K,
            members=("has_signature",),
            function=lambda _tail, value: bool(value),
        ),
    ]
    file: Annotated[FileId | None, File("struct file *", "The file that was read; null for init_module.", K, OPT)]

    def subject(self) -> str:
        """Return the file's name, or the kind of image."""
        path = self.file.path if self.file else None
        return path.rsplit("/", 1)[-1] if path else f"{self.format} image"
