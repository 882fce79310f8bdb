"""The compiled program for the tests of this folder: run once, or as a service with its sockets in a folder of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

BINARY = os.environ["OMNILINK"]
SECONDS = 60


def omnilink(*words, **more):
    options = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": SECONDS, **more}
    return subprocess.run([BINARY, *words], **options)


class folder(unittest.TestCase):
    def setUp(self):
        self.path = tempfile.mkdtemp(prefix="omnilink-cli-")
        self.addCleanup(shutil.rmtree, self.path)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.path, name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path


class echo:
    """A TCP server that says back what it hears, for one connection."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.where = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def serve(self):
        with contextlib.suppress(OSError), self.listener.accept()[0] as client:
            while data := client.recv(4096):
                client.sendall(data)

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept(), should nobody have come
        self.listener.close()
        self.thread.join(SECONDS)


class running_service(folder):
    def setUp(self):
        super().setUp()
        self.sockets = {name: os.path.join(self.path, name + ".sock") for name in ("query", "admin")}
        self.config = self.write("omnilink.toml", "version = 1\n" + "".join(
            f'[{name}]\nsocket = "{path}"\n' for name, path in self.sockets.items()))

    @contextlib.contextmanager
    def running(self, *words, **more):
        ready, end = os.pipe()
        options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "pass_fds": (end,), **more}
        process = subprocess.Popen([BINARY, "run", "-c", self.config, "-L", "mixed://:0", "--ready-fd", str(end), *words],
                                   **options)
        os.close(end)
        try:
            with os.fdopen(ready) as text:
                self.listening = text.read().splitlines()
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(SECONDS)

    def connect(self, target):
        """A connection through the service, by HTTP CONNECT."""
        host, port = self.listening[0].rsplit(":", 1)
        client = socket.create_connection((host, int(port)), SECONDS)
        client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.assertIn(b" 200 ", head)
        return client

    def ask(self, *words, code=0, socket_name="admin"):
        done = omnilink(*words, "--socket", self.sockets[socket_name])
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def change(self, more):
        with open(self.config) as text:
            self.addCleanup(self.write, "omnilink.toml", text.read())
        self.write("omnilink.toml", "version = 1\n" + "".join(
            f'[{name}]\nsocket = "{path}"\n' for name, path in self.sockets.items()) + more)

    def refused(self, target):
        with self.assertRaises(AssertionError):
            self.connect(target).close()
