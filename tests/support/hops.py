"""Scripted hops: proxies that say exactly what a test wants, and record what they were told.

    s = hops.scripted(o, lambda c: …)      # o: the origin, whose ports it shares; -F s.url
"""

import socket
import ssl

import omnilink
import origin
import world

SOCKS5_YES = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"


class scripted:
    def __init__(self, at, behaviour, scheme="socks5", query=""):
        self.name = f"hop-{len(at.listeners)}"
        self.at = at
        self.port = at.serve(self.name, behaviour, world.FAR4)
        self.url = f"{scheme}://{world.FAR4}:{self.port}{query}"

    def record(self, index=0, seconds=30):
        return self.at.record(self.name, index, seconds)


def take_socks5_request(connection):
    """Greets, and returns the (host, port) that is asked for."""
    count = omnilink.read_exactly(connection, 2)[1]
    omnilink.read_exactly(connection, count)
    connection.sendall(b"\x05\x00")
    kind = omnilink.read_exactly(connection, 4)[3]
    if kind == 3:
        host = omnilink.read_exactly(connection, omnilink.read_exactly(connection, 1)[0]).decode()
    else:
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, omnilink.read_exactly(connection, size))
    return host, int.from_bytes(omnilink.read_exactly(connection, 2), "big")


def yes_then(behaviour):
    """A SOCKS5 hop that is the target itself: says yes, then behaves."""

    def whole(connection):
        take_socks5_request(connection)
        connection.sendall(SOCKS5_YES)
        return behaviour(connection)

    return whole


def http_yes_then(behaviour, reply=b"HTTP/1.1 200 OK\r\n\r\n"):
    def whole(connection):
        omnilink.read_http_head(connection)
        connection.sendall(reply)
        return behaviour(connection)

    return whole


def tls_server(certificate, key, newest=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = newest
    return context


def over_tls(certificate, key, behaviour):
    """The same hop behind TLS; RST and FIN below it are the behaviour's own."""
    context = tls_server(certificate, key)

    def whole(connection):
        with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as wrapped:
            return behaviour(wrapped)

    return whole


class tls_by_hand:
    """TLS on a connection, with what ssl.SSLSocket cannot do: end one direction, send any record, go byte by byte."""

    def __init__(self, connection, context, piece=1 << 20):
        self.connection, self.piece = connection, piece
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.engine = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.step(self.engine.do_handshake)

    def step(self, call, *words):
        while True:
            try:
                return call(*words)
            except ssl.SSLWantReadError:
                self.flush()
                data = self.connection.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            finally:
                self.flush()

    def flush(self):
        data = self.outgoing.read()
        for at in range(0, len(data), self.piece):
            self.connection.sendall(data[at:at + self.piece])

    def recv(self, size):
        """Empty: close_notify; a bare FIN raises SSLEOFError."""
        try:
            return self.step(self.engine.read, size)
        except ssl.SSLZeroReturnError:
            return b""

    def sendall(self, data):
        while data:
            data = data[self.step(self.engine.write, data):]

    def end(self):
        """close_notify; the TCP connection below and the other direction live on."""
        try:
            self.engine.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()


def by_hand(context, behaviour, piece=1 << 20):
    """A hop that has TLS by hand; `behaviour` is a function of it."""
    return lambda connection: behaviour(tls_by_hand(connection, context, piece))


def says(reply, then=lambda connection: None):
    """Takes whatever comes first, answers `reply`, then behaves."""

    def whole(connection):
        connection.recv(65536)
        connection.sendall(reply)
        return then(connection)

    return whole


def hold(connection):
    """Accepts and says nothing, until the other side has enough."""
    return origin.read_all(connection)[0]
