"""The servers at the far end of a chain: one port per behaviour, threads, IPv4 and IPv6, on every far address.

    with origin() as o:  o.port("echo") …
"""

import fcntl
import functools
import hashlib
import socket
import struct
import threading

import world

CHUNK = bytes(range(256)) * 256  # 64 KiB
RECEIVE = 256 * 1024
SOCKET_SECONDS = 60  # nothing here waits for ever


@functools.cache
def digest_of(size):
    """SHA-256 of what `download` sends."""
    made = hashlib.sha256()
    while size > 0:
        made.update(CHUNK[:size])
        size -= min(size, len(CHUNK))
    return made.hexdigest()


def send_bytes(connection, size):
    """Sends what digest_of(size) is the digest of."""
    while size > 0:
        connection.sendall(CHUNK[:size])
        size -= min(size, len(CHUNK))


def reset(connection):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line.decode().strip()


def read_all(connection):
    """(number of bytes, SHA-256) until the peer's FIN."""
    made, count = hashlib.sha256(), 0
    while chunk := connection.recv(RECEIVE):
        made.update(chunk)
        count += len(chunk)
    return count, made.hexdigest()


def read_digest(connection, size):
    """SHA-256 of the next `size` bytes."""
    made = hashlib.sha256()
    while size > 0:
        chunk = connection.recv(min(size, RECEIVE))
        if not chunk:
            raise EOFError(f"{size} bytes are missing")
        made.update(chunk)
        size -= len(chunk)
    return made.hexdigest()


class origin:
    def __init__(self):
        self.records = {}  # behaviour -> what its connections saw, in order
        self.arrived = threading.Condition()
        self.listeners = {}
        for name in ("echo", "upload", "digest", "download", "greet", "farewell", "rst", "count"):
            self.serve(name, getattr(self, name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self.listeners.values():
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def port(self, name):
        return self.listeners[name].getsockname()[1]

    def serve(self, name, behaviour, address=""):
        """A port of its own for a behaviour: a function of the connection. What it returns or raises is recorded."""
        listener = self.listeners[name] = world.far_listener(address)
        threading.Thread(target=self.accept, args=(name, listener, behaviour), daemon=True).start()
        return listener.getsockname()[1]

    def accept(self, name, listener, behaviour):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(name, connection, behaviour), daemon=True).start()

    def handle(self, name, connection, behaviour):
        connection.settimeout(SOCKET_SECONDS)
        try:
            with connection:
                result = behaviour(connection)
        except (OSError, EOFError) as error:
            result = error
        with self.arrived:
            self.records.setdefault(name, []).append(result)
            self.arrived.notify_all()

    def record(self, name, index=0, seconds=30):
        """What the index-th connection of this behaviour ended with; waits for it."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.records.get(name, [])) > index, seconds):
                raise AssertionError(f"no connection reached {name} (or did not end) within {seconds} s")
            return self.records[name][index]

    # -- behaviours ----------------------------------------------------------------------------------------------------

    def echo(self, connection):
        while chunk := connection.recv(RECEIVE):
            connection.sendall(chunk)

    def upload(self, connection):
        """A line with a number; takes that many bytes; answers their digest. Needs no half-close on the way."""
        digest = read_digest(connection, int(read_line(connection)))
        connection.sendall(digest.encode() + b"\n")
        connection.recv(1)

    def digest(self, connection):
        """Answers the digest of everything, after the client's FIN."""
        count, digest = read_all(connection)
        connection.sendall(f"{count} {digest}\n".encode())
        return count

    def download(self, connection):
        """A line with a number; that many bytes; FIN."""
        send_bytes(connection, int(read_line(connection)))

    def greet(self, connection):
        """The server speaks first, at once."""
        connection.sendall(b"220 origin ready\r\n")
        self.echo(connection)

    def farewell(self, connection):
        """The server ends its direction first, and goes on reading."""
        connection.sendall(b"bye\n")
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)

    def rst(self, connection):
        """A line with a number; that many bytes; RST once they have left our buffer."""
        send_bytes(connection, int(read_line(connection)))
        unsent = struct.pack("i", 1)
        SIOCOUTQ = 0x5411
        while struct.unpack("i", unsent)[0]:
            unsent = fcntl.ioctl(connection, SIOCOUTQ, unsent)
        reset(connection)

    def count(self, connection):
        """Reads to the end; the record tells how it came: a number of bytes, or ConnectionResetError."""
        return read_all(connection)[0]
