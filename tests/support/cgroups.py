"""A cgroup of the tests' own, with one for what is captured and one for omnilink:

    <version 2 hierarchy>/omnilink-test-PID/app      programs
                                           /service  omnilink

Nothing is ever attached to the root, which all other programs of the machine are in.
"""

import os
import subprocess
import sys

import omnilink
import world


def hierarchy():
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, where, kind = line.split()[:3]
            if kind == "cgroup2":
                return where
    return world.cannot("no cgroup2 is mounted")


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
