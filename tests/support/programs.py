"""Programs that know of no proxy, as the clients of the tests: curl, Python, nc, and a Go program that is linked statically."""

import functools
import hashlib
import os
import subprocess
import sys

import omnilink
import origin
import servers
import world

MIB = 1 << 20

# The clients: argv is HOST PORT SIZE and a way; the digest of what was sent or came is on stdout.
GO_CLIENT = """package main

import ("bytes"; "crypto/sha256"; "fmt"; "io"; "net"; "os"; "strconv")

func main() {
    size, _ := strconv.Atoi(os.Args[3])
    c, err := net.Dial("tcp", net.JoinHostPort(os.Args[1], os.Args[2]))
    if err != nil { fmt.Println(err); os.Exit(1) }
    fmt.Fprintf(c, "%d\\n", size)
    if os.Args[4] == "down" {
        sum := sha256.New()
        n, _ := io.Copy(sum, c)
        fmt.Printf("%d %x\\n", n, sum.Sum(nil))
        return
    }
    chunk := make([]byte, 65536)
    for i := range chunk { chunk[i] = byte(i) }
    for left := size; left > 0; left -= len(chunk) { io.Copy(c, bytes.NewReader(chunk)) }
    io.CopyN(os.Stdout, c, 65)
}
"""
PYTHON_CLIENT = """
import hashlib, socket, sys
host, port, size, way = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
c = socket.create_connection((host, port))
assert c.getpeername()[:2] == (host, port), "the program sees what it dialled"
c.sendall(b"%d\\n" % size)
if way == "up":
    for _ in range(size // 65536): c.sendall(bytes(range(256)) * 256)
    print(c.makefile().readline())
else:
    made, n = hashlib.sha256(), 0
    while got := c.recv(1 << 18): made.update(got); n += len(got)
    print(n, made.hexdigest())
"""


def web(connection):
    """GET /SIZE answers that many bytes."""
    size = int(omnilink.read_http_head(connection).split()[1].strip(b"/"))
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
    origin.send_bytes(connection, size)


@functools.cache
def go_client():
    """Linked statically, without libc: nothing in it could be preloaded over."""
    made = hashlib.sha256(GO_CLIENT.encode()).hexdigest()[:16]
    folder = os.path.join(os.environ.get("OMNILINK_BUILD", "/tmp"), "go-client")
    built = f"{folder}/{made}"
    if not os.path.exists(built):
        os.makedirs(folder, exist_ok=True)
        world.write(f"{folder}/main.go", GO_CLIENT)
        env = {**os.environ, "CGO_ENABLED": "0", "HOME": folder, "GOCACHE": f"{folder}/cache", "GO111MODULE": "off"}
        subprocess.run([servers.program("go"), "build", "-o", f"{built}.new", f"{folder}/main.go"], check=True, env=env, timeout=100)
        os.rename(f"{built}.new", built)
    return built


class clients:
    """Programs that move `size` bytes to or from the origin; each returns the digest that it, or the origin, saw, and what it said.

    within: what a command line begins with, to run elsewhere.
    """

    def __init__(self, at, web_port, within=()):
        self.at, self.web_port, self.within = at, web_port, list(within)

    def run(self, name, host, way, size):
        return getattr(self, name)(host, way, size)

    def command(self, program, host, way, size):
        command = [*self.within, *program, host, str(self.at.port(f"{way}load")), str(size), way]
        said = subprocess.run(command, capture_output=True, text=True, timeout=100)
        return said.stdout.split()[-1:], said.stderr

    def static_go(self, *words):
        return self.command([go_client()], *words)

    def python3(self, *words):
        return self.command([sys.executable, "-c", PYTHON_CLIENT], *words)

    def digested(self, command, stdin=b""):
        with subprocess.Popen([*self.within, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            program.stdin.write(stdin)
            program.stdin.close()
            made = hashlib.sha256()
            while got := program.stdout.read(MIB):
                made.update(got)
        return [made.hexdigest()], ""

    def curl(self, host, way, size):
        written = f"[{host}]" if ":" in host else host
        return self.digested(["curl", "-s", "--max-time", "100", f"http://{written}:{self.web_port}/{size}"])

    def nc(self, host, way, size):
        return self.digested([servers.program("nc"), "-w", "100", host, str(self.at.port("download"))], f"{size}\n".encode())
