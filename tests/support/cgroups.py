"""A cgroup of the tests' own, with one for what is captured and one for omnilink:

    <version 2 hierarchy>/omnilink-test-PID/app      programs
                                           /service  omnilink

Nothing is ever attached to the root, which all other programs of the machine are in.
"""

import os
import subprocess
import sys
import unittest

import connects
import omnilink
import world


def hierarchy():
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, where, kind = line.split()[:3]
            if kind == "cgroup2":
                return where
    return world.cannot("no cgroup2 is mounted")


def prepare():
    """What tests of cgroup listeners need; called in setUpModule, where it may skip them."""
    prepare_bpf()
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        world.cannot("this kernel has no BTF")
    return cgroups()


def prepare_bpf():
    """Likewise, of those with direction = "in", which are about no cgroup."""
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("programs for the kernel need root")
    if "OMNILINK_BPF=OFF" in omnilink.run("check", "-L", "cgroup://?port=1").stderr:
        raise unittest.SkipTest("this build has no cgroup listeners")
    # Our own, since this mount namespace is; what is pinned there goes with it.
    world.check(world.libc.mount(b"bpf", b"/sys/fs/bpf", b"bpf", 0, None), "mount /sys/fs/bpf")


class cgroups:
    def __init__(self):
        self.name = f"/omnilink-test-{os.getpid()}"
        self.folder = hierarchy() + self.name
        self.made = []
        self.add("")
        self.add("/app")
        self.add("/service")

    def add(self, name):
        try:
            os.mkdir(self.folder + name)
        except OSError as error:
            world.cannot(f"cgroups of the tests' own: {error}")
        self.made.append(self.folder + name)

    def remove(self, name):
        """Once its last process is gone."""
        folder = self.folder + name
        self.made.remove(folder)

        def gone():
            try:
                os.rmdir(folder)
            except OSError:
                return False
            return True

        omnilink.wait_until(gone, f"{folder} is empty")

    def remove_all(self):
        for folder in reversed(self.made[:]):
            self.remove(folder.removeprefix(self.folder))

    def inside(self, name, command):
        """The command line that runs `command` in that cgroup."""
        return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', f"{self.folder}{name}/cgroup.procs", *command]

    def service(self, command):
        return self.inside("/service", command)

    def run(self, *command, name="/app", **options):
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": omnilink.CLIENT_SECONDS, **options}
        return subprocess.run(self.inside(name, command), **options)

    def python(self, script, *words, **options):
        return self.run(sys.executable, "-c", script, *map(str, words), **options)

    def hooked(self, *hops, conditions="", fail="open", group="/app", inside=None, **options):
        """omnilink with a cgroup listener."""
        url = f"cgroup://127.0.0.1:0?cgroup={self.name}{group}&fail={fail}{conditions}"
        return omnilink.service(*hops, listen=[url], inside=inside or self.service, **options)

    def client(self, host, port, how="plain", *words, **options):
        """What a program that connects in this way has to tell."""
        return self.python(connects.CLIENT, host, port, how, *words, **options).stdout.strip()
