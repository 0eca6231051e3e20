"""Kernel modules on disk and in the kernel: what a name means, what it needs, and how it gets in.

The modules of this package are usable alone: `tree`, `index`, `config`, `resolve`, `modinfo`.
"""
