"""What the tests of `omnilink exec` share: users to run as, a home for them, and the command line."""

import os
import shutil
import stat
import subprocess
import tempfile

import omnilink
import world

PROGRAM_SECONDS = 60
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # every folder in it is open to everybody
ROOT, ORDINARY, NOBODY = 0, 1000, 65534


def users():
    """Everybody a test runs as; without root there is only one."""
    return (ROOT, ORDINARY, NOBODY) if world.is_root() else (ROOT,)


class homes:
    """A folder that everybody may use, with a copy of the binary: the build folder may be closed to other users."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="omnilink-exec-")
        os.chmod(self.folder, 0o755)
        self.binary = shutil.copy(omnilink.BINARY, self.folder)
        for uid in users():
            os.mkdir(self.of(uid))
            os.chown(self.of(uid), uid, uid)

    def of(self, uid):
        return os.path.join(self.folder, f"home-{uid}")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def give(self, uid, path, mode=stat.S_IRUSR | stat.S_IWUSR):
        """A copy of a file that belongs to this user."""
        copy = shutil.copy(path, self.of(uid))
        os.chown(copy, uid, uid)
        os.chmod(copy, mode)
        return copy

    def as_user(self, uid, command):
        if uid == ROOT:
            return command
        return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *command]

    def command(self, uid, hops, words, flags=()):
        """The command line of `omnilink exec … -- words`, as this user."""
        chain = [word for hop in hops for word in ("-F", getattr(hop, "url", hop))]
        return self.as_user(uid, [self.binary, "exec", *flags, *chain, "--", *words])

    def environment(self, uid, **more):
        return {"PATH": PATH, "HOME": self.of(uid), "LANG": "C.UTF-8", "TERM": "dumb", **more}

    def run(self, uid, hops, *words, flags=(), env=None, **options):
        options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": PROGRAM_SECONDS,
                   "cwd": self.of(uid), **options}
        return subprocess.run(self.command(uid, hops, words, flags), env=self.environment(uid, **(env or {})), **options)
