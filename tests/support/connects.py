"""Programs that connect in all the ways there are, and tell what became of it."""

# argv: HOST PORT and how. Says what became of it, whom the program sees as its peer and as itself.
CLIENT = """
import ctypes, errno, mmap, os, socket, struct, sys
host, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3]
family = socket.AF_INET6 if ":" in host else socket.AF_INET
MPTCP, MSG_FASTOPEN, TCP_FASTOPEN_CONNECT, IORING_OP_CONNECT = 262, 0x20000000, 30, 16

def io_uring_connect(fd, address):
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = bytearray(120)
    raw = (ctypes.c_char * 120).from_buffer(parameters)
    ring = libc.syscall(425, 1, raw)
    if ring < 0: raise OSError(ctypes.get_errno(), "io_uring_setup")
    field = lambda at: struct.unpack_from("I", parameters, at)[0]
    queues = mmap.mmap(ring, field(64) + field(0) * 4 + field(100) + field(4) * 16 + 4096, offset=0)
    entries = mmap.mmap(ring, 64, offset=0x10000000)
    name = ctypes.create_string_buffer(address, len(address))
    struct.pack_into("BBHiQQI", entries, 0, IORING_OP_CONNECT, 0, 0, fd, len(address), ctypes.addressof(name), 0)
    tail = struct.unpack_from("I", queues, field(44))[0]
    struct.pack_into("I", queues, field(64), 0)
    struct.pack_into("I", queues, field(44), tail + 1)
    if libc.syscall(426, ring, 1, 1, 1, 0, 0) != 1: raise OSError(ctypes.get_errno(), "io_uring_enter")
    result = struct.unpack_from("i", queues, field(100) + 8)[0]
    if result < 0: raise OSError(-result, "connect")

def address():
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H4s8x", port, socket.inet_pton(family, host))
    return struct.pack("=H", family) + struct.pack("!HI16sI", port, 0, socket.inet_pton(family, host), 0)

s = socket.socket(family, socket.SOCK_STREAM, MPTCP if how == "mptcp" else 0)
s.settimeout(50)
try:
    if how == "device": s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"near0")
    if how == "bound": s.bind((sys.argv[4], 0))
    if how == "fastopen":
        s.setblocking(True)
        s.sendto(b"hello", MSG_FASTOPEN, (host, port))
    elif how == "fastopen_connect":
        s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        s.connect((host, port))
        s.send(b"hello")
    elif how == "nonblocking":
        s.setblocking(False)
        assert s.connect_ex((host, port)) in (0, errno.EINPROGRESS)
        s.settimeout(50)
    elif how == "io_uring": io_uring_connect(s.fileno(), address())
    elif how == "again":  # connected elsewhere before
        s.connect((sys.argv[4], port))
        try: s.recv(1)  # until it was taken, and reset
        except ConnectionResetError: pass
        ctypes.CDLL(None).connect(s.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16)
        s.connect((host, port))
    else: s.connect((host, port))
    said = s.recv(100).decode().strip() or "end"
    peer, name = s.getpeername(), s.getsockname()
    print(said, peer[0], peer[1], name[0], sep="|")
except OSError as error:
    print(errno.errorcode.get(error.errno, repr(error)))
"""

# argv: the number of this one, how many. Each connection has a destination that no other one has.
STORM = """
import errno, socket, sys
number, count = int(sys.argv[1]), int(sys.argv[2])
for i in range(count):
    port = 1 + number * count + i
    kind = i % 3
    host = (f"203.0.113.{1 + i % 250}", f"2001:db8:f::{1 + i % 65000:x}", f"::ffff:203.0.113.{1 + i % 250}")[kind]
    with socket.socket(socket.AF_INET if kind == 0 else socket.AF_INET6) as s:
        # Not waited for: who is reset before connect() returns has no port any more that it could tell.
        s.setblocking(False)
        while s.connect_ex((host, port)) == errno.EADDRNOTAVAIL: pass
        own = s.getsockname()[1]
        s.setblocking(True)
        if i % 5 == 0: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
        else:
            try: s.recv(1)
            except ConnectionResetError: pass
        print(kind == 1, own, host.removeprefix("::ffff:"), port, sep="|")
"""
