"""Plain HTTP through an http or mixed listener, as browsers, curl, wget and apt send it: request by request, to one origin after another."""

import contextlib
import hashlib
import http.server
import json
import os
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import hops
import omnilink
import origin
import servers
import world

PRESETS = ("release", "asan")
MIB = 1 << 20


class handler(http.server.BaseHTTPRequestHandler):
    """An origin that keeps its connections; a path's first word says what it does."""

    protocol_version = "HTTP/1.1"
    seen = []  # what arrived, in order: (connection, request line, header fields)

    def log_message(self, *_):
        pass

    def do(self):
        handler.seen.append((self.client_address, self.requestline, list(self.headers.items())))
        getattr(self, self.path.partition("?")[0].strip("/").split("/")[0] or "hello")()

    do_GET = do_HEAD = do_PUT = do_POST = do_OPTIONS = do

    def answer(self, body=b"", status=200, **fields):
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def hello(self):
        self.answer(b"hello\n", Keep_Alive="timeout=5", X_Origin="yes", Connection="X-Origin")

    def big(self):
        self.answer(origin.CHUNK * 128)  # 8 MiB

    def nothing(self):
        self.answer(status=204)

    def unchanged(self):
        self.answer(status=304)

    def digest(self):
        made = hashlib.sha256()
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                made.update(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline() != b"\r\n":
                pass
        else:
            left = int(self.headers["Content-Length"])
            while left:
                chunk = self.rfile.read(min(left, 65536))
                made.update(chunk)
                left -= len(chunk)
        self.answer(made.hexdigest().encode() + b"\n")

    def chunks(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
                         b"6;a=b\r\nhello\n\r\n0\r\nX-End: yes\r\n\r\n")

    def until_close(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nall until the end\n")
        self.close_connection = True

    def early(self):
        """Answers before it has read the request's body, and reads no more."""
        self.answer(b"enough\n", 413, Connection="close")
        self.close_connection = True

    def hang_up(self):
        self.close_connection = True

    def cut_off(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.close_connection = True

    def nonsense(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        self.close_connection = True

    def upgrade(self):
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        self.wfile.flush()
        while chunk := self.connection.recv(65536):
            self.connection.sendall(chunk)
        self.close_connection = True

    def file(self):
        path = os.path.join(FOLDER, os.path.basename(self.path))
        if not os.path.isfile(path):
            return self.answer(status=404)
        with open(path, "rb") as found:
            self.answer(found.read())


def serve(connection):
    with contextlib.suppress(OSError, ValueError):
        handler(connection, connection.getpeername(), None)


def setUpModule():
    global ORIGIN, ONE, TWO, FOLDER
    world.enter()
    ORIGIN = origin.origin()
    unittest.addModuleCleanup(ORIGIN.__exit__)
    ORIGIN.serve("one", serve)
    ORIGIN.serve("two", serve)
    ONE, TWO = (f"origin4.test:{ORIGIN.port(name)}" for name in ("one", "two"))
    folder = tempfile.TemporaryDirectory(prefix="omnilink-http-")
    unittest.addModuleCleanup(folder.cleanup)
    FOLDER = folder.name
    os.chmod(FOLDER, 0o755)


def get(path="hello", host=None, version="1.1", method="GET", fields=""):
    host = host or ONE
    return f"{method} http://{host}/{path} HTTP/{version}\r\nHost: {host}\r\n{fields}\r\n".encode()


class client:
    """A connection to the proxy, and a reader of answers."""

    def __init__(self, service):
        self.socket = omnilink.connect(service.address)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def head(self):
        lines = []
        while (line := self.file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode().rstrip())
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        return int(lines[0].split()[1]) if lines else None, fields

    def answer(self):
        status, fields = self.head()
        return status, self.file.read(int(fields.get("content-length", 0))) if status else b""

    def ends(self):
        """How the connection ends: "end" or "reset"."""
        try:
            return "end" if self.socket.recv(1) == b"" else "more"
        except ConnectionResetError:
            return "reset"


class forwarding(unittest.TestCase):
    def setUp(self):
        handler.seen.clear()

    def curl(self, service, *words, **options):
        ran = subprocess.run(["curl", "-sS", "-m", "30", "-x", "http://%s:%d" % service.address, *words], capture_output=True, **options)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return ran.stdout


class real_clients(forwarding):
    def test_curl(self):
        for kind in ("mixed", "http"):
            with self.subTest(kind), omnilink.service(listen=[f"{kind}://127.0.0.1:0"]) as service:
                self.assertEqual(self.curl(service, f"http://{ONE}/hello?a=b"), b"hello\n")
                fields = dict(handler.seen[-1][2])
                self.assertEqual((handler.seen[-1][1], fields["Host"]), ("GET /hello?a=b HTTP/1.1", ONE))
                self.assertNotIn("Proxy-Connection", fields)
                line = service.access()
                self.assertEqual((line["verdict"], line["destination"]), ("ok", ONE))
                self.assertGreater(line["up"], 50)

    def test_one_origin_after_another_on_one_connection(self):
        with omnilink.service() as service:
            out = self.curl(service, *(f"http://{where}/hello" for where in (ONE, ONE, TWO, ONE)), "-w", "%{num_connects} ")
            self.assertEqual(out.count(b"hello"), 4, out)
            self.assertEqual([int(n) for n in out.replace(b"hello\n", b"").split()], [1, 0, 0, 0])
            lines = [service.access(i, count=3) for i in range(3)]
        self.assertEqual([line["destination"] for line in lines], [ONE, TWO, ONE])
        self.assertEqual(len({line["source"] for line in lines}), 1)
        self.assertEqual({line["verdict"] for line in lines}, {"ok"})
        # The same origin's connection is kept, until there is another origin.
        self.assertEqual(handler.seen[0][0], handler.seen[1][0])
        self.assertEqual(len({connection for connection, _, _ in handler.seen}), 3)

    def test_through_real_hops(self):
        with servers.servers() as proxies:
            for hop in ([proxies.microsocks()], [proxies.tinyproxy()], [proxies.squid(), proxies.microsocks()]):
                with self.subTest([one.url for one in hop]), omnilink.service(*hop) as service:
                    out = self.curl(service, f"http://{ONE}/hello", f"http://{ONE}/hello")
                    self.assertEqual(out, b"hello\nhello\n")
                    self.assertEqual(service.access()["verdict"], "ok")

    def test_uploads_of_known_and_unknown_length(self):
        data = origin.CHUNK * 48  # 3 MiB
        wanted = hashlib.sha256(data).hexdigest().encode() + b"\n"
        with tempfile.NamedTemporaryFile() as file, omnilink.service() as service:
            file.write(data)
            file.flush()
            self.assertEqual(self.curl(service, "-T", file.name, f"http://{ONE}/digest"), wanted)
            # curl waits for 100 Continue before a body of this size.
            self.assertEqual(dict(handler.seen[-1][2])["Expect"], "100-continue")
            self.assertEqual(self.curl(service, "-T", "-", f"http://{ONE}/digest", input=data), wanted)
            self.assertEqual(dict(handler.seen[-1][2])["Transfer-Encoding"], "chunked")
            out = self.curl(service, "-d", "a=b", f"http://{ONE}/digest", f"http://{ONE}/digest")
            self.assertEqual(out, 2 * (hashlib.sha256(b"a=b").hexdigest().encode() + b"\n"))
            self.assertGreater(service.access(0, count=3)["up"], len(data))

    def test_answers_of_every_kind(self):
        with omnilink.service() as service:
            self.assertIn(b"Content-Length: 6\r\n", self.curl(service, "-I", f"http://{ONE}/hello"))
            out = self.curl(service, "-w", "%{http_code} ", f"http://{ONE}/nothing", f"http://{ONE}/unchanged", f"http://{ONE}/chunks",
                            f"http://{ONE}/until_close", f"http://{ONE}/hello")
            self.assertEqual(out, b"204 304 hello\n200 all until the end\n200 hello\n200 ")
            self.assertEqual(len(self.curl(service, f"http://{ONE}/big")), 8 * MIB)

    def test_wget_and_python(self):
        with omnilink.service() as service:
            proxy = "http://%s:%d" % service.address
            env = {**os.environ, "http_proxy": proxy, "no_proxy": ""}
            ran = subprocess.run(["wget", "-q", "-O", "-", f"http://{ONE}/hello", f"http://{TWO}/hello"], env=env, capture_output=True)
            self.assertEqual((ran.returncode, ran.stdout), (0, b"hello\nhello\n"), ran.stderr)
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
            self.assertEqual(opener.open(f"http://{ONE}/chunks", timeout=30).read(), b"hello\n")

    def test_apt_get(self):
        world.write(os.path.join(FOLDER, "Packages"), "Package: omnilink-hello\nVersion: 1\nArchitecture: all\nMaintainer: nobody <a@b>\n"
                                                      "Description: a test\nFilename: ./none\nSize: 1\n\n")
        with tempfile.TemporaryDirectory(prefix="omnilink-apt-") as home, omnilink.service(listen=["http://127.0.0.1:0"]) as service:
            os.chmod(home, 0o755)
            for folder in ("state/lists/partial", "cache/archives/partial"):
                os.makedirs(f"{home}/{folder}")
            world.write(f"{home}/sources.list", f"deb [trusted=yes] http://{ONE}/file ./\n")
            world.write(f"{home}/state/status", "")
            # Nobody in these namespaces but their maker can own what apt's own user would write.
            options = [f"-oDir::State={home}/state", f"-oDir::State::status={home}/state/status", f"-oDir::Cache={home}/cache",
                       f"-oDir::Etc::sourcelist={home}/sources.list", "-oDir::Etc::sourceparts=/dev/null", "-oAPT::Sandbox::User=root",
                       "-oAcquire::http::Proxy=http://%s:%d" % service.address]
            ran = subprocess.run(["apt-get", *options, "-q", "update"], capture_output=True, text=True)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            shown = subprocess.run(["apt-cache", *options, "show", "omnilink-hello"], capture_output=True, text=True)
            self.assertIn("Version: 1", shown.stdout, ran.stdout + ran.stderr)
            self.assertEqual({service.access(i)["verdict"] for i in range(1)}, {"ok"})

    def test_logins(self):
        with omnilink.service(listen=["mixed://me:word@127.0.0.1:0"]) as service:
            words = ["-w", "%{http_code} ", "-o", "/dev/null", f"http://{ONE}/hello"]
            self.assertEqual(self.curl(service, *words), b"407 ")
            self.assertEqual(self.curl(service, "-U", "me:wrong", *words), b"407 ")
            self.assertEqual(handler.seen, [])
            self.assertEqual(self.curl(service, "-U", "me:word", *words), b"200 ")
            self.assertEqual(service.access(count=3)["user"], "me")
            self.assertNotIn("Proxy-Authorization", dict(handler.seen[-1][2]))
            # Who is asked for a login may give it on the same connection.
            with client(service) as one:
                one.send(get())
                self.assertEqual(one.answer()[0], 407)
                one.send(get(fields="Proxy-Authorization: Basic bWU6d29yZA==\r\n"))
                self.assertEqual(one.answer(), (200, b"hello\n"))


class messages(forwarding):
    def test_pipelined_requests_are_served_in_order(self):
        with omnilink.service() as service, client(service) as one:
            body = b"0123456789"
            one.send(get() + get("digest", method="POST", fields="Content-Length: 10\r\n") + body + get("nothing", TWO) + get())
            digest = hashlib.sha256(body).hexdigest().encode() + b"\n"
            self.assertEqual([one.answer() for _ in range(4)], [(200, b"hello\n"), (200, digest), (204, b""), (200, b"hello\n")])
            self.assertEqual([service.access(i, count=2)["destination"] for i in range(2)], [ONE, TWO])

    def test_what_is_about_one_connection_is_not_handed_on(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get(fields="Connection: X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nKeep-Alive: 1\r\nX-Kept: 1\r\n"))
            status, fields = one.head()
            self.assertEqual((status, "x-origin" in fields, "keep-alive" in fields), (200, False, False))
            names = {name.lower() for name, _ in handler.seen[-1][2]}
            self.assertEqual(names, {"host", "x-kept"})

    def test_chunks_and_trailers_arrive_as_they_were(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("chunks") + get())
            self.assertEqual(one.head()[0], 200)
            self.assertEqual(one.file.read(32), b"6;a=b\r\nhello\n\r\n0\r\nX-End: yes\r\n\r\n")
            self.assertEqual(one.answer(), (200, b"hello\n"))

    def test_an_old_client_gets_one_answer_and_the_end(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get(version="1.0"))
            self.assertEqual(one.answer(), (200, b"hello\n"))
            self.assertEqual(one.ends(), "end")
            self.assertEqual(handler.seen[-1][1], "GET /hello HTTP/1.0")

    def test_who_says_close_gets_the_end(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get(fields="Connection: close\r\n"))
            status, fields = one.head()
            self.assertEqual((status, fields["connection"], one.file.read()), (200, "close", b"hello\n"))

    def test_an_answer_that_ends_with_the_connection_ends_ours(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("until_close"))
            status, fields = one.head()
            self.assertEqual((status, fields["connection"], one.file.read()), (200, "close", b"all until the end\n"))

    def test_another_protocol_is_a_tunnel(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("upgrade", fields="Connection: Upgrade\r\nUpgrade: echo\r\n"))
            status, fields = one.head()
            self.assertEqual((status, fields["upgrade"].lower(), fields["connection"].lower()), (101, "echo", "upgrade"))
            one.send(b"no HTTP any more")
            self.assertEqual(one.file.read(16), b"no HTTP any more")

    def test_an_origin_that_has_heard_enough(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("early", method="PUT", fields=f"Content-Length: {64 * MIB}\r\n") + bytes(1000))
            self.assertEqual(one.answer(), (413, b"enough\n"))
            self.assertIn(one.ends(), ("end", "reset"))

    def test_C7_requests_with_a_doubtful_end_reach_nobody(self):
        chunked = "Transfer-Encoding: chunked\r\n"
        for fields in (f"{chunked}Content-Length: 4\r\n", "Content-Length: 4\r\nContent-Length: 5\r\n", "Content-Length : 4\r\n",
                       "X: a\r\n Content-Length: 4\r\n", "X: a\nContent-Length: 4\r\n", "Transfer-Encoding: gzip, chunked\r\n"):
            with self.subTest(fields), omnilink.service() as service, client(service) as one:
                one.send(get(method="POST", fields=fields))
                status, answered = one.head()
                self.assertEqual((status, answered["connection"]), (400, "close"))
                self.assertEqual(service.access()["verdict"], "bad_message")
        self.assertEqual(handler.seen, [])

    def test_C7_a_chunk_that_is_none_ends_both(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("digest", method="POST", fields="Transfer-Encoding: chunked\r\n") + b"5\r\nhello\nGET / HTTP/1.1\r\n\r\n")
            self.assertIn(one.ends(), ("end", "reset"))
            self.assertEqual(service.access()["verdict"], "bad_message")

    def test_C3_oversized_heads(self):
        with omnilink.service() as service:
            for fields in ("A: " + "a" * 17 * 1024 + "\r\n", "A: b\r\n" * 101):
                with client(service) as one:
                    one.send(get(fields=fields))
                    self.assertEqual(one.head()[0], 431)

    def test_a_slow_reader_does_not_fill_our_memory(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("big") * 8)
            before = service.resident_kib()
            omnilink.wait_until(lambda: handler.seen, "the origin has the request")
            self.assertLess(service.resident_kib() - before, 4096)
            for _ in range(8):
                self.assertEqual(len(one.answer()[1]), 8 * MIB)


class failures(forwarding):
    def test_an_origin_that_is_not_there_and_the_connection_goes_on(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get(host=f"{world.CLOSED4}:80"))
            status, body = one.answer()
            self.assertEqual((status, body), (502, b"omnilink: Bad Gateway\n"))
            one.send(get())
            self.assertEqual(one.answer(), (200, b"hello\n"))
            self.assertEqual([service.access(i, count=1)["verdict"] for i in range(1)], ["refused"])

    def test_where_a_body_is_in_the_way_it_ends(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get(host=f"{world.CLOSED4}:80", method="POST", fields="Content-Length: 5\r\n"))
            self.assertEqual(one.answer()[0], 502)
            self.assertEqual(one.ends(), "end")

    def test_C2_a_silent_hop(self):
        hop = hops.scripted(ORIGIN, hops.hold)
        with omnilink.service(hop, hop_timeout="400ms") as service, client(service) as one:
            one.send(get())
            self.assertEqual(one.answer()[0], 504)

    def test_a_silent_origin(self):
        silent = ORIGIN.serve("silent", hops.hold)
        with omnilink.service(idle_timeout="1s") as service, client(service) as one:
            one.send(get(host=f"origin4.test:{silent}"))
            self.assertEqual(one.answer()[0], 504)
            self.assertEqual(service.access()["verdict"], "timed_out")

    def test_B8_no_byte_of_a_request_before_the_hop_has_said_yes(self):
        got = []

        def refuses(connection):
            hops.take_socks5_request(connection)
            connection.sendall(b"\x05\x02\x00\x01" + bytes(6))
            got.append(connection.recv(100))

        with omnilink.service(hops.scripted(ORIGIN, refuses)) as service, client(service) as one:
            one.send(get())
            self.assertEqual(one.answer()[0], 502)
            omnilink.wait_until(lambda: got, "the hop saw the end")
        self.assertEqual(got, [b""])

    def test_A1_a_request_to_the_listener_itself(self):
        with omnilink.service() as service, client(service) as one:
            for host in ("127.0.0.1", "localhost"):
                one.send(get(host=f"{host}:{service.address[1]}"))
                self.assertEqual(one.answer()[0], 403)

    def test_an_origin_that_hangs_up(self):
        with omnilink.service() as service:
            for path, code in (("hang_up", "closed_early"), ("nonsense", "bad_message")):
                with client(service) as one:
                    one.send(get(path))
                    self.assertEqual(one.answer()[0], 502, path)
                    count = 1 if path == "hang_up" else 2
                    self.assertEqual(service.access(count=count)["verdict"], code)

    def test_B10_nothing_is_sent_twice(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get())
            self.assertEqual(one.answer()[0], 200)
            one.send(get("hang_up"))  # on the connection that was kept
            self.assertIn(one.ends(), ("reset", "end"))
            self.assertEqual([line for _, line, _ in handler.seen], ["GET /hello HTTP/1.1", "GET /hang_up HTTP/1.1"])

    def test_an_answer_that_is_cut_off_does_not_look_whole(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get("cut_off"))
            self.assertEqual(one.head()[0], 200)
            with self.assertRaises(ConnectionResetError):
                one.file.read(100)

    def test_a_client_that_leaves_its_upload_cuts_it_off(self):
        ended = ORIGIN.serve("counted", lambda connection: (omnilink.read_http_head(connection), origin.read_all(connection)[0])[1])
        with omnilink.service() as service:
            with client(service) as one:
                one.send(get(host=f"origin4.test:{ended}", method="PUT", fields="Content-Length: 1000\r\n") + b"half")
                one.socket.shutdown(socket.SHUT_WR)
                self.assertIn(one.ends(), ("end", "reset"))
            self.assertIsInstance(ORIGIN.record("counted"), ConnectionResetError)

    def test_a_drain_does_not_wait_for_idle_clients(self):
        with omnilink.service() as service, client(service) as one:
            one.send(get())
            self.assertEqual(one.answer()[0], 200)
            service.process.terminate()
            self.assertEqual(one.ends(), "end")
            service.process.wait(10)


class connections(forwarding):
    def test_the_running_service_shows_where_each_request_goes(self):
        with omnilink.service() as service, client(service) as one:
            source = "%s:%d" % one.socket.getsockname()
            for where in (ONE, TWO):
                one.send(get(host=where))
                self.assertEqual(one.answer()[0], 200)
                asked = omnilink.run("query", source, "--json", "--socket", f"{service.folder}/query.sock")
                self.assertEqual(asked.returncode, 0, asked.stderr)
                self.assertIn(where.partition(":")[2], json.dumps(json.loads(asked.stdout)))
