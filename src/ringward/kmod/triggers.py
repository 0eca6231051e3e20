"""Who makes the kernel or udev ask for a module by some alias, and by what.

From the kernel's calls of request_module() and from where it makes modaliases; what is not in the table is told as
not known. A request is made before most permission checks: that the call then fails does not matter.
"""

from __future__ import annotations

ANYONE = "anyone"
"""Any process."""
NAMESPACE = "user namespace"
"""Whoever has CAP_NET_ADMIN or CAP_SYS_ADMIN in a user namespace: anyone, where anyone may make one."""
NODE = "device node"
"""Whoever may open a node in /dev."""
DEVICE = "device"
"""Hardware that appears, also when somebody plugs it in: udev asks."""
NOT_KNOWN = "not known"
ROOT = "root"
"""A process with CAP_SYS_MODULE, CAP_SYS_ADMIN or CAP_NET_ADMIN in the first user namespace."""
WHO = (ANYONE, NAMESPACE, NODE, DEVICE, NOT_KNOWN, ROOT)
"""From those who need least to those who need most."""


class Trigger:
    """What makes someone ask for an alias.

    what: in words: the call, or the event; "" when none is known.
    who: who can bring it about: one of `WHO`.
    by_kernel: whether the kernel asks, through the program of /proc/sys/kernel/modprobe; else udev or root do.
    """

    __slots__ = ("by_kernel", "what", "who")

    def __init__(self, what: str, who: str, *, by_kernel: bool = True) -> None:
        self.what = what
        self.who = who
        self.by_kernel = by_kernel


_IPTABLES = "iptables"
_TC = "tc: queues, filters, actions"
_BY_NAME = (
    # net/socket.c sock_ioctl, before it looks for a capability
    ("bridge", "ioctl(2) SIOCGIFBR of a socket", ANYONE),
    ("8021q", "ioctl(2) SIOCGIFVLAN of a socket", ANYONE),
    # crypto/af_alg.c alg_bind
    ("algif_*", "bind(2) of AF_ALG", ANYONE),
    # net/netfilter: x_tables.c, ipset/ip_set_core.c, ipvs/ip_vs_sched.c
    ("xt_*", _IPTABLES, NAMESPACE),
    *((f"{table}table_*", _IPTABLES, NAMESPACE) for table in ("ip", "ip6", "arp", "eb")),
    ("ip_set_*", "ipset", NAMESPACE),
    ("ip_vs_*", "IPVS", NAMESPACE),
    # net/sched, before 6.8; later net-sch-, net-cls- and net-act-
    *((f"{kind}_*", _TC, NAMESPACE) for kind in ("sch", "cls", "act")),
    # net/ipv4/tcp_cong.c: capable(CAP_NET_ADMIN)
    ("tcp_*", "choosing TCP's congestion control", ROOT),
    # drivers/md/dm-target.c; fs/nls/nls_base.c
    ("dm_*", "device mapper", ROOT),
    ("nls_*", "an option of mount(2)", ROOT),
)
"""Names of modules that the kernel asks for as such: pattern, what makes it do so, who can."""
_BY_ALIAS = (
    # net/netlink/genetlink.c ctrl_getfamily, net/netlink/af_netlink.c netlink_create, net/socket.c __sock_create
    ("net_pf_16_proto_16_family_*", "asking generic netlink for a family", ANYONE),
    ("net_pf_*", "socket(2)", ANYONE),
    ("can_proto_*", "socket(2) of AF_CAN", ANYONE),
    ("bt_proto_*", "socket(2) of AF_BLUETOOTH", ANYONE),
    # crypto/api.c crypto_larval_lookup; crypto/af_alg.c alg_bind is a user's way to it.
    ("crypto_*", "bind(2) of AF_ALG, and kernel code that wants the algorithm", ANYONE),
    # fs/exec.c search_binary_handler
    ("binfmt_*", "execve(2) of a file that begins so", ANYONE),
    # drivers/tty/tty_ldisc.c tty_ldisc_get: CAP_SYS_MODULE where dev.tty.ldisc_autoload is 0
    ("tty_ldisc_*", "ioctl(2) TIOCSETD of a terminal", ANYONE),
    # fs/filesystems.c get_fs_type, behind may_mount()
    ("fs_*", "mount(2), fsopen(2)", NAMESPACE),
    # net/core/rtnetlink.c rtnl_newlink, net/core/lwtunnel.c
    ("rtnl_link_*", "making a network interface of that kind", NAMESPACE),
    ("rtnl_lwt_*", "a route with that encapsulation", NAMESPACE),
    # net/netfilter: nfnetlink.c, nf_tables_api.c, x_tables.c
    ("nfnetlink_subsys_*", "a netlink message for netfilter", NAMESPACE),
    ("nft_*", "nftables", NAMESPACE),
    ("nf_*", "netfilter", NAMESPACE),
    ("nfct_helper_*", "netfilter", NAMESPACE),
    *((f"{table}_*", _IPTABLES, NAMESPACE) for table in ("ipt", "ip6t", "arpt", "ebt")),
    *((f"net_{kind}_*", _TC, NAMESPACE) for kind in ("sch", "cls", "act")),
    ("ematch_kind_*", _TC, NAMESPACE),
    ("ife_meta_*", _TC, NAMESPACE),
    ("xfrm_type_*", "IPsec", NAMESPACE),
    ("xfrm_offload_*", "IPsec", NAMESPACE),
    ("team_mode_*", "setting up a team of interfaces", NAMESPACE),
    ("vport_type_*", "Open vSwitch", NAMESPACE),
    ("ppp_compress_*", "PPP", NAMESPACE),
    # fs/char_dev.c chrdev_open, drivers/char/misc.c misc_open, block/genhd.c, sound/sound_core.c
    ("char_major_*", "open(2) of a node in /dev", NODE),
    ("block_major_*", "open(2) of a node in /dev", NODE),
    ("snd_*", "open(2) of a sound device", NODE),
    ("sound_*", "open(2) of a sound device", NODE),
    # net/core/dev_ioctl.c dev_load, net/ipv4/tcp_ulp.c: capable(CAP_NET_ADMIN)
    ("netdev_*", "an ioctl(2) that names an interface", ROOT),
    ("md_*", "software RAID", ROOT),
    ("9p_*", "an option of mount(2)", ROOT),
    ("nfs_*", "mounting NFS", ROOT),
    ("rpc_*", "mounting NFS", ROOT),
    ("ledtrig:*", "writing to a file of /sys/class/leds", ROOT),
    ("usbfunc:*", "setting up a USB gadget", ROOT),
    # symbol_request() of include/linux/module.h
    ("symbol:*", "kernel code that looks for a symbol of it, if there is any", NOT_KNOWN),
)
"""Aliases that it asks for, likewise."""
# Nobody asks: it is for the nodes that are made at boot.
_DEVNAME = Trigger("", ROOT, by_kernel=False)
_BUS = Trigger("a device that appears (udev)", DEVICE, by_kernel=False)
_OTHER = Trigger("", NOT_KNOWN)
_NAMES = tuple((pattern, Trigger(what, who)) for pattern, what, who in _BY_NAME)
_ALIASES = tuple((pattern, Trigger(what, who)) for pattern, what, who in _BY_ALIAS)


def _first(table: tuple[tuple[str, Trigger], ...], text: str) -> Trigger | None:
    """Return the trigger of the first pattern, a text or a beginning and "*", that is for a text."""
    for pattern, trigger in table:
        if text.startswith(pattern[:-1]) if pattern[-1] == "*" else text == pattern:
            return trigger
    return None


def trigger_of(alias: str) -> Trigger:
    """Return what makes someone ask for an alias, a pattern of modules.alias or of the configuration; normalised."""
    known = named(alias) or _first(_ALIASES, alias)
    if known:
        return known
    if alias.startswith("devname:"):
        return _DEVNAME
    # What a bus makes of a device: "pci:v00008086d...", "acpi*:PNP0C0A:*".
    return _BUS if ":" in alias else _OTHER


def named(name: str) -> Trigger | None:
    """Return what makes the kernel ask for a module by its own name, as far as that is known."""
    return _first(_NAMES, name)
