"""Runs tests/exec/exec_stub, `omnilink exec` without a service, as one user or another."""

import os
import select
import shutil
import subprocess
import tempfile
import textwrap
import unittest

SECONDS = 60  # longer than any of these takes on a loaded machine under a sanitizer

_folder = None


def program():
    """A copy that every user may run, wherever the build is."""
    global _folder
    built = os.path.join(os.environ["OMNILINK_BUILD"], "tests", "exec_stub")
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="omnilink-exec-")
        os.chmod(_folder.name, 0o755)
        shutil.copy(built, _folder.name)
    return os.path.join(_folder.name, "exec_stub")


def become(uid):
    """For a child before exec."""
    if uid != os.geteuid():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def words(*command, options=()):
    return [program(), *options, "--", *command]


def python(text):
    """A command that runs this program text, with an interpreter that every user may run."""
    return ["/usr/bin/python3", "-c", textwrap.dedent(text)]


def start(*command, uid=None, options=(), **kw):
    uid = os.geteuid() if uid is None else uid
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    kw.setdefault("cwd", "/")
    before = kw.pop("before", lambda: None)

    def prepare():
        before()
        become(uid)

    return subprocess.Popen(words(*command, options=options), text=True, preexec_fn=prepare, **kw)


def run(*command, input=None, **kw):
    """The ended process with its whole output."""
    if input is not None:
        kw["stdin"] = subprocess.PIPE
    with start(*command, **kw) as process:
        try:
            out, err = process.communicate(input, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


class life:
    """Of a process that need not be ours."""

    def __init__(self, pid):
        self.fd = os.pidfd_open(pid)

    def ends(self, seconds=SECONDS):
        return bool(select.select([self.fd], [], [], seconds)[0])

    def close(self):
        os.close(self.fd)


needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root to become other users")
