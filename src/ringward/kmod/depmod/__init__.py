"""depmod: who needs whom in a module directory, and the files that say so to modprobe.

`run.find` looks, `run.all_files` says what is to be written, `write.write` writes it.
"""
