"""What processes and the kernel hold."""

import contextlib
import os

KERNEL = ("Slab", "KernelStack", "PageTables")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


def rollup(pid, field):
    """KiB; 0: it has ended, or nobody may look."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
    return 0


def resident(pids):
    """KiB, what is shared counted in parts."""
    return sum(rollup(pid, "Pss") for pid in pids)


class held:
    """By these processes now, and, of the whole machine, by the kernel; KiB. Somebody else's work is noise in the latter."""

    def __init__(self, pids):
        self.user = sum(rollup(pid, "Anonymous") for pid in pids)
        self.descriptors, self.threads = (sum(entries(f"/proc/{pid}/{what}") for pid in pids) for what in ("fd", "task"))
        with open("/proc/meminfo") as lines:
            self.kernel = sum(int(line.split()[1]) for line in lines if line.split(":")[0] in KERNEL)
        with open("/proc/net/sockstat") as lines:  # buffers of TCP
            self.kernel += PAGE_KIB * next(int(line.split()[-1]) for line in lines if line.startswith("TCP:"))


def entries(path):
    with contextlib.suppress(OSError):
        return len(os.listdir(path))
    return 0
