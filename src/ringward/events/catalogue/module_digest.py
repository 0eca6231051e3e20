"""The event `module_digest`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ringward.events.args import Args
from ringward.events.context import FileId
from ringward.events.fields import OPT, Convert, File, K, Spec, Tail, Truth
from ringward.events.hooks import Hook

_OBJECT = "digest"
_FORMATS = {0: "unknown", 1: "elf", 2: "gzip", 3: "xz", 4: "zstd"}
_FENTRY_LOSES = (
    "on preemptible kernels, an image that arrives while another is being hashed on that CPU (the kernel skips the run,"
    " and counts it)"
)
_KPROBE_LOSES = "what other kprobe programs of that CPU would see while an image is hashed (the kernel skips them)"


def _format(_tail: Tail, value: int) -> str:
    return _FORMATS.get(value, str(value))


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
    """SHA-256 of the bytes that the kernel will run.

    The kernel has copied the image into its own memory and parsed nothing of it yet. The hash
    is computed there and then, in the kernel, over that very copy: what changes in user memory
    or in the file afterwards changes nothing. It equals what sha256sum prints for the file,
    where the file was given to the kernel as it is.

    `format` says what was hashed: an ELF image, or a compressed file that the kernel
    decompresses itself. The appended signature, if there is one, is part of it.
    """

    group: ClassVar[str] = "modules"
    hooks = (
        _hooks("lsm", "lsm", ""),
        _hooks("fentry", "fentry", _FENTRY_LOSES),
        _hooks("kprobe", "kprobe", _KPROBE_LOSES),
    )
    gives = frozenset({"duration"})
    extra = frozenset({"attempt", "duration", "pad"})
    use_case = (
        "Compare each module with the digests of the packages that were installed, whatever path it came from. Find "
        "one image on many machines. Keep the identity of a module whose file is deleted at once."
    )
    issues = (
        "One module has two digests, that of its ELF image and that of its compressed file, and the tool decides "
        "which one the kernel gets: Debian 12's kmod decompresses a .ko.xz itself, newer versions pass the file. Keep "
        "both in a database.\n\n"
        "There is no digest when the kernel refuses before it has a copy: without CAP_SYS_MODULE, with unknown flags, "
        "for memory or a file that cannot be read, or when a security module objects to the file. A second "
        "finit_module(2) of the same inode at the same time has none either (Linux 6.5 and later let it share the "
        "first one's result).\n\n"
        "`has_signature` says that the marker of an appended signature is there. It does not say that the signature "
        "is valid or whose it is. In a compressed file the marker is inside, so that the answer is no.\n\n"
        "An image longer than 512 MiB is not hashed (bpf_loop ends after 8,388,608 blocks); `digest` is then null "
        "with the error, as it is when the copy cannot be read.\n\n"
        "The hook delays the load by the time of hashing. `duration` has it, in nanoseconds.\n\n"
        "A BPF LSM program attaches also where `bpf` is not among the active security modules (`lsm=`), and then "
        "never runs; the sysctl kernel.ftrace_enabled=0 silences the first two hooks, and debugfs kprobes/enabled the "
        "third. Nothing is detached in either case. That a hook is attached is therefore no proof: see "
        "`sensor_status`.\n\n"
        "Under lockdown=confidentiality the kernel refuses every program that reads kernel memory. There are no "
        "digests there."
    )
    related = ("finit_module", "init_module", "module_load")

    digest: Annotated[
        str | None,
        Convert(
            "u8[32]",
            "SHA-256 of the kernel's copy of the image, hexadecimal.",
            K,
            OPT,
            members=("digest", "error"),
            function=_digest,
        ),
    ]
    size: Annotated[int, Spec("loff_t", "Size of what was hashed, bytes.")]
    format: Annotated[
        str,
        Convert(
            "u32",
            "elf: a module image; gzip, xz, zstd: a compressed file.",
            K,
            members=("format",),
            function=_format,
        ),
    ]
    has_signature: Annotated[bool, Truth("bool", "The marker of an appended signature is at the end.", K)]
    file: Annotated[FileId | None, File("struct file *", "The file that was read; null for init_module.", K, OPT)]

    def subject(self) -> str:
        """Return the file's name, or the kind of image."""
        path = self.file.path if self.file else None
        return path.rsplit("/", 1)[-1] if path else f"{self.format} image"
