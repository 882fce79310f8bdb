"""The compiled program as a user and a script see it: exit codes, help, hints, places of errors, the process list, the
ready descriptor, signals, and the verbs that ask a running service."""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import threading

from program import BINARY, SECONDS, echo, folder, omnilink, running_service

PRESETS = ("release", "asan")
VERBS = ("run", "exec", "demo", "check", "explain", "rules", "rules list", "rules enable", "rules disable",
         "rules counters", "query", "nat list", "nat stats", "nat delete", "connections", "connections kill", "chains",
         "metrics", "reload", "drain", "stop", "doctor", "cleanup", "completion", "version")


class usage(folder):
    def expect(self, words, code, *parts):
        done = omnilink(*words)
        self.assertEqual(done.returncode, code, (words, done.stderr))
        self.assertEqual(done.stdout, "")
        for part in parts:
            self.assertIn(part, done.stderr)
        return done.stderr

    def test_every_verb_has_an_example(self):
        for verb in VERBS:
            done = omnilink(*verb.split(), "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), verb)
            self.assertRegex(done.stdout, rf"Example:\n  (sudo |source <\()?omnilink {verb.split()[0]}")
            for line in done.stdout.splitlines():
                self.assertLessEqual(len(line), 120, (verb, line))

    def test_help_of_exec_says_what_it_is_not(self):
        self.assertIn("A convenience, not a jail", omnilink("exec", "--help").stdout)

    def test_an_unknown_word_gets_the_nearest(self):
        self.expect(["rnu"], 2, 'omnilink: unknown verb "rnu"; did you mean "run"?')
        self.expect(["nat", "lsit"], 2, 'omnilink nat: unknown verb "lsit"; did you mean "list"?')
        self.expect(["run", "--forwrad", "x"], 2, 'omnilink run: unknown option "--forwrad"; did you mean "--forward"?')
        self.expect(["exec", "--lopback=x", "true"], 125, 'did you mean "--loopback"?')

    def test_usage_is_2_and_says_where_to_read(self):
        for words in ([], ["run", "x"], ["run", "-F"], ["check"], ["nat"], ["nat", "list", "--limit", "0"],
                      ["nat", "list", "--limit", "many"], ["connections", "kill"], ["connections", "kill", "x"], ["query"]):
            self.expect(words, 2, "--help")
        self.expect(["query", "localhost:80"], 2, "ADDR:PORT")
        self.expect(["run", "-F", "sock5://h"], 2, '-F: unknown scheme "sock5"; did you mean "socks5"?')
        self.expect(["run", "-L", "mixed://0.0.0.0:0"], 2, "allow_remote")

    def test_no_message_shows_a_password(self):
        for words in (["run", "-F", "sock5://me:hunter2@h"], ["run", "socks5://me:hunter2@h"], ["socks5://me:hunter2@h"],
                      ["run", "--forwrad=socks5://me:hunter2@h"], ["exec", "-F", "socks5://me:hunter2,@h", "true"],
                      ["run", "-F", "socks5://me:hunter2@h", "-L", "tcp://me:hunter2@127.0.0.1:1?to=h:1"],
                      ["--forward", "socks5://me:hunter2@h", "run"], ["exec", "-Xsocks5://me:hunter2@h", "--", "true"],
                      ["exec", "-vXsocks5://me:hunter2@h", "true"], ["exec", "--forwradsocks5://me:hunter2@h", "true"],
                      ["exec", "socks5://me:hunter2@h", "--", "curl"]):
            done = omnilink(*words)
            self.assertIn(done.returncode, (2, 125))
            self.assertNotIn("hunter2", done.stderr)

    def test_version(self):
        self.assertRegex(omnilink("version").stdout, r"^omnilink \d+\.\d+\.\d+\nbuilt with CAF \S+ Boost \S+ OpenSSL \S+ nftables")
        known = json.loads(omnilink("version", "--json").stdout)
        self.assertEqual(set(known["built_with"]), {"CAF", "Boost", "OpenSSL", "nftables"})


class exec_usage(folder):
    def test_every_failure_of_omnilink_is_125(self):
        bad = self.write("bad.toml", "version = 2\n")
        for words in ([], ["--"], ["-F"], ["-F", "sock5://h", "true"], ["-c", bad, "true"], ["--loopback", "outside", "true"],
                      ["-c", "/no/such/file", "true"], ["--unknown", "true"]):
            done = omnilink("exec", *words)
            self.assertEqual(done.returncode, 125, (words, done.stderr))
            self.assertNotEqual(done.stderr, "")

    def test_a_url_in_the_command_s_place_lacks_its_flag(self):
        done = omnilink("exec", "socks5://me:word@h", "--", "curl")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertRegex(done.stderr, "^omnilink exec: [^\n]*-F[^\n]*\n$")

    def test_the_name_server_s_port_is_not_the_host_s(self):
        done = omnilink("exec", "--loopback", "host:3000,53", "true")
        self.assertEqual((done.returncode, done.stdout), (125, ""))
        self.assertRegex(done.stderr, "^omnilink exec: --loopback: 53 is the name server's[^\n]*\n$")


class doctor(folder):
    def finding(self, subject, *prefix):
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # which does not work under a tracer
        said = subprocess.run([*prefix, BINARY, "doctor", "--json"], env={**os.environ, "ASAN_OPTIONS": options}, capture_output=True, text=True,
                              timeout=SECONDS, check=True)
        (found,) = [f for f in json.loads(said.stdout)["findings"] if subject in f["subject"]]
        return found

    def test_whether_the_service_can_lock_itself_in(self):
        with open("/proc/self/status") as status:
            has_filters = "Seccomp_filters:" in status.read()
        self.assertEqual(self.finding("seccomp")["ok"], has_filters)
        SYS_landlock_create_ruleset, VERSION = 444, 1
        version = ctypes.CDLL(None).syscall(SYS_landlock_create_ruleset, None, 0, VERSION)
        self.assertEqual(self.finding("Landlock")["ok"], version >= 1)

    def test_a_kernel_that_cannot(self):
        if shutil.which("strace") is None:
            self.skipTest("there is no strace")
        for subject, call, error, remedy in (("seccomp", "seccomp", "EINVAL", "CONFIG_SECCOMP_FILTER"),
                                             ("Landlock", "landlock_create_ruleset", "EOPNOTSUPP", "lsm="),
                                             ("Landlock", "landlock_create_ruleset", "ENOSYS", "CONFIG_SECURITY_LANDLOCK")):
            found = self.finding(subject, "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
            self.assertFalse(found["ok"])
            self.assertIn(remedy, found["detail"])


class check(folder):
    def expect(self, text, *lines):
        path = self.write("omnilink.toml", text)
        done = omnilink("check", "-c", path)
        self.assertEqual((done.returncode, done.stdout), (78, ""), done.stderr)
        self.assertEqual(done.stderr.splitlines(), [f"{path}:{line}" for line in lines])
        as_json = omnilink("check", "-c", path, "--json")
        self.assertEqual(as_json.returncode, 78)
        self.assertEqual(json.loads(as_json.stdout), {"valid": False, "errors": done.stderr.splitlines(), "warnings": []})

    def test_all_errors_with_their_places(self):
        self.expect('version = 1\n[service]\nwrokers = 2\nhop_timeout = "10"\n[[hop]]\nname = "paris"\nurl = "socks5://me:word@h:x"\n'
                    '[[chain]]\nname = "out"\nhops = ["pariss"]\n',
                    '3:1: unknown key "wrokers" in [service]; did you mean "workers"?',
                    '4:15: "hop_timeout" in [service] is not a duration, as "500ms", "10s", "5m" or "2h"',
                    '7:7: hop "paris": the port is not a number from 0 to 65535',
                    '10:9: chain "out": unknown hop "pariss"; did you mean "paris"?')

    def test_what_the_admin_api_needs(self):
        token = self.write("token", "0123456789abcdef0123456789abcdef\n")
        os.chmod(token, 0o600)
        self.assertEqual(omnilink("check", "-c", self.write("good.toml", 'version = 1\n[[listen]]\nurl = "mixed://"\n[admin]\n'
                                                            f'http = "127.0.0.1:9090"\ntoken_file = "{token}"\n')).returncode, 0)
        head = "version = 1\n[admin]\n"
        form = "one line of 16 to 256 printable characters (openssl rand -hex 32)"
        self.expect(head + 'token_file = "x"\n', '3:14: token_file belongs to http = "127.0.0.1:9090", which is not there')
        self.expect(head + 'http = "127.0.0.1:9090"\n', "3:8: http needs token_file, a file that only the service may read, with " + form)
        self.expect(head + f'http = "0.0.0.0:9090"\ntoken_file = "{token}"\n',
                    '3:8: http is on loopback only, as "127.0.0.1:9090"; reach it from elsewhere through ssh or a proxy with TLS')
        self.expect(head + f'http = "localhost:9090"\ntoken_file = "{token}"\n',
                    '3:8: http is not ADDR:PORT, as "127.0.0.1:9090" or "[::1]:9090": "localhost:9090"')
        short = self.write("short", "secret\n")
        os.chmod(short, 0o600)
        self.expect(head + f'http = "127.0.0.1:9090"\ntoken_file = "{short}"\n', f'4:14: token_file "{short}" is not {form}')
        os.chmod(token, 0o644)
        done = omnilink("check", "-c", self.write("open.toml", head + f'http = "127.0.0.1:9090"\ntoken_file = "{token}"\n'))
        self.assertEqual(done.returncode, 78)
        self.assertIn("4:14: token_file", done.stderr)

    def test_a_rule_that_names_no_chain(self):
        self.expect('version = 1\n[[rule]]\naction = "chain:out"\n', '3:10: rule "rule 1": there is no chain "out"')

    def test_a_certificate_file_that_is_none(self):
        ca = self.write("ca.pem", "not a certificate\n")
        path = self.write("omnilink.toml", f'version = 1\n[[hop]]\nname = "edge"\nurl = "https://h"\ntls = {{ ca = "{ca}" }}\n'
                          '[[chain]]\nname = "out"\nhops = ["edge"]\n')
        done = omnilink("check", "-c", path)
        self.assertEqual(done.returncode, 78)
        self.assertIn('hop "edge"', done.stderr)
        self.assertIn(ca, done.stderr)

    def test_a_good_one_says_what_it_means(self):
        path = self.write("omnilink.toml", 'version = 1\n[[listen]]\nurl = "mixed://"\n[[hop]]\nname = "a"\nurl = "socks5://me:word@h"\n'
                          '[[hop]]\nname = "b"\nurl = "https://i"\n[[chain]]\nname = "out"\nhops = ["a", "b"]\n')
        done = omnilink("check", "-c", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, f"{path} is valid\n  listens on mixed://127.0.0.1:1080\n"
                         "  chain out: socks5://h:1080 -> https://i:443\n")

    def test_a_file_that_everybody_may_write(self):
        path = self.write("omnilink.toml", "version = 1\n", mode=0o602)
        self.assertIn("chmod o-w", omnilink("check", "-c", path).stderr)

    def test_run_starts_nothing_with_a_wrong_file(self):
        path = self.write("omnilink.toml", "version = 1\n[service]\nx = 1\n")
        ready, end = os.pipe()
        done = omnilink("run", "-c", path, "-L", "mixed://:0", "--ready-fd", str(end), pass_fds=(end,))
        os.close(end)
        with os.fdopen(ready) as text:
            self.assertEqual(text.read(), "")
        self.assertEqual(done.returncode, 78)
        self.assertIn(f"{path}:3:1: ", done.stderr)


class service(running_service):
    def test_ready_names_every_listener_with_its_port(self):
        with self.running("-L", "socks5://[::1]:0"):
            self.assertEqual(len(self.listening), 2)
            self.assertRegex(self.listening[0], r"^127\.0\.0\.1:[1-9]\d*$")
            self.assertRegex(self.listening[1], r"^\[::1\]:[1-9]\d*$")
            for line in self.listening:
                host, port = line.rsplit(":", 1)
                socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()

    def test_systemd_is_told(self):
        address = os.path.join(self.path, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
            heard.bind(address)
            heard.settimeout(SECONDS)
            with self.running(env={**os.environ, "NOTIFY_SOCKET": address}) as process:
                self.assertEqual(heard.recv(100), b"READY=1")
                process.terminate()
                self.assertEqual(heard.recv(100), b"STOPPING=1")

    def test_term_drains_and_int_does_not(self):
        with self.running() as process:
            process.terminate()
            self.assertEqual(process.wait(SECONDS), 0)
        with echo() as target, self.running() as process, self.connect(target.where):
            process.terminate()
            process.send_signal(signal.SIGINT)  # what is left is not waited for
            self.assertEqual(process.wait(SECONDS), -signal.SIGINT)

    def test_a_draining_service_lets_its_connections_end(self):
        with echo() as target, self.running() as process, self.connect(target.where) as client:
            process.terminate()
            # Once it drains, nobody gets in any more …
            with self.assertRaises(OSError):
                for _ in range(100_000):
                    host, port = self.listening[0].rsplit(":", 1)
                    socket.create_connection((host, int(port)), SECONDS).close()
            # … and who is in goes on.
            client.sendall(b"still here")
            self.assertEqual(client.recv(10, socket.MSG_WAITALL), b"still here")
            client.close()
            self.assertEqual(process.wait(SECONDS), 0)

    def test_reload_takes_a_good_file_and_says_what_is_wrong_with_a_bad_one(self):
        with echo() as target, self.running(), self.connect(target.where) as old:
            self.change('[[chain]]\nname = "no"\nhops = ["rejekt"]\n')
            done = omnilink("reload", "--socket", self.sockets["admin"])
            self.assertEqual(done.returncode, 1)
            self.assertIn(f'{self.config}:8:9: chain "no": unknown hop "rejekt"', done.stderr)
            self.connect(target.where).close()
            self.change('[service]\nworkers = 63\n')
            done = omnilink("reload", "--socket", self.sockets["admin"])
            self.assertIn("workers cannot change while the service runs", done.stderr)
            self.change('[[chain]]\nname = "no"\nhops = ["reject"]\n')
            self.assertEqual(self.ask("reload"), "reloaded\n")
            self.refused(target.where)
            old.sendall(b"still here")
            self.assertEqual(old.recv(10, socket.MSG_WAITALL), b"still here")

    def test_hup_reloads_and_systemd_is_told(self):
        address = os.path.join(self.path, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard, echo() as target:
            heard.bind(address)
            heard.settimeout(SECONDS)
            with self.running(env={**os.environ, "NOTIFY_SOCKET": address}) as process:
                self.assertEqual(heard.recv(100), b"READY=1")
                self.change('[[chain]]\nname = "no"\nhops = ["reject"]\n')
                process.send_signal(signal.SIGHUP)
                self.assertRegex(heard.recv(100), rb"^RELOADING=1\nMONOTONIC_USEC=\d+$")
                self.assertEqual(heard.recv(100), b"READY=1")
                self.refused(target.where)

    def test_drain_and_stop(self):
        with echo() as target, self.running() as process, self.connect(target.where) as client:
            self.assertEqual(self.ask("drain"), "1 connection is left\n")
            client.sendall(b"still here")
            self.assertEqual(client.recv(10, socket.MSG_WAITALL), b"still here")
            client.close()
            self.assertEqual(process.wait(SECONDS), 0)
        with echo() as target, self.running() as process, self.connect(target.where) as client:
            self.assertEqual(json.loads(self.ask("stop", "--json")), {"ending": True, "connections": 1})
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            self.assertEqual(process.wait(SECONDS), 0)

    def test_a_port_in_use_is_1_and_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            where = "127.0.0.1:%d" % taken.getsockname()[1]
            done = omnilink("run", "-c", self.config, "-L", "mixed://" + where)
        self.assertEqual(done.returncode, 1)
        self.assertIn(where, done.stderr)

    def test_the_process_list_shows_no_password(self):
        with self.running("-F", "socks5://me:hunter2@127.0.0.1:1", "--forward=https://you:hunter3@h") as process:
            for thread in os.listdir(f"/proc/{process.pid}/task"):
                with open(f"/proc/{process.pid}/task/{thread}/cmdline", "rb") as text:
                    shown = text.read()
                self.assertNotIn(b"hunter", shown)
                self.assertIn(b"socks5://me:xxxxxxx@127.0.0.1:1\0--forward=https://you:xxxxxxx@h\0", shown)

    def test_the_process_list_of_exec_shows_no_password(self):
        """Not of its front, not of its monitor, and not of the command, which has none."""
        with subprocess.Popen([BINARY, "exec", "-F", "socks5://me:hunter2@127.0.0.1:1", "--", "sh", "-c", "echo; read x"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            if process.stdout.readline() != b"\n":
                self.skipTest("no sandbox here: " + process.stderr.read().decode(errors="replace").strip())
            shown = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as text:
                    shown.append(text.read())
            process.communicate(b"\n", SECONDS)
        self.assertGreaterEqual(sum(b"me:xxxxxxx@127.0.0.1:1" in line for line in shown), 2)
        self.assertFalse([line for line in shown if b"hunter2" in line])

    def test_questions_about_a_connection(self):
        with echo() as target, self.running(), self.connect(target.where) as client:
            source = "127.0.0.1:%d" % client.getsockname()[1]
            self.assertEqual(self.ask("query", source, socket_name="query"), target.where + "\n")
            self.assertEqual(self.ask("query", ":" + source.split(":")[1], socket_name="query"), target.where + "\n")
            known = json.loads(self.ask("query", source, "--json", socket_name="query"))
            self.assertEqual((known["status"], known["original"], known["source"], known["chain"]),
                             ("live", target.where, source, "direct"))

            table = self.ask("nat", "list").splitlines()
            self.assertEqual(table[0].split()[:3], ["SOURCE", "ORIGINAL", "DIALLED"])
            self.assertEqual(table[1].split()[:4], [source, target.where, target.where, "live"])
            self.assertEqual(json.loads(self.ask("nat", "list", "--json"))["flows"][0]["source"], source)
            self.assertRegex(self.ask("nat", "stats"), r"(?m)^live +1$")
            self.assertEqual(json.loads(self.ask("nat", "stats", "--json"))["live"], 1)

            running = json.loads(self.ask("connections", "--json"))["connections"]
            self.assertEqual([c["source"] for c in running], [source])
            self.assertIn(source, self.ask("connections"))

    def test_a_connection_that_is_watched_and_then_deleted(self):
        with echo() as target, self.running():
            with subprocess.Popen([BINARY, "query", "--watch", "--json", "--socket", self.sockets["query"]],
                                  stdout=subprocess.PIPE, bufsize=0) as watch:
                event, made = {}, set()
                while event.get("status") != "opened":  # the first connections may come before the subscription
                    with echo() as other, self.connect(other.where) as client:
                        made.add("127.0.0.1:%d" % client.getsockname()[1])
                        if select.select([watch.stdout], [], [], 0.2)[0]:
                            event = json.loads(watch.stdout.readline())
                source = event["source"]
                self.assertIn(source, made)
                self.assertEqual((event["carrier"], event["chain"]), ("omnilink", "direct"))
                while (event["status"], event["source"]) != ("ended", source):
                    event = json.loads(watch.stdout.readline())
                self.assertEqual(self.ask("nat", "delete", source), "deleted 1\n")
                self.assertEqual(self.ask("nat", "delete", source, code=1), "no such connection\n")
                with self.connect(target.where) as client:
                    source = "127.0.0.1:%d" % client.getsockname()[1]
                    refused = omnilink("nat", "delete", source, "--socket", self.sockets["admin"])
                    self.assertEqual((refused.returncode, refused.stdout), (1, ""))
                    self.assertIn("end it with connections kill", refused.stderr)
                self.ask("stop")
                watch.stdout.read()
                self.assertEqual(watch.wait(SECONDS), 1)  # the service has ended

    def test_E1_the_admin_api_over_http(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            where = "127.0.0.1:%d" % free.getsockname()[1]
        token = self.write("token", "0123456789abcdef0123456789abcdef\n")
        os.chmod(token, 0o600)
        with open(self.config) as text:
            self.write("omnilink.toml", text.read() + f'http = "{where}"\ntoken_file = "{token}"\n')
        curl = ["curl", "-sS", "--max-time", str(SECONDS), "-w", " %{http_code}"]
        with echo() as target, self.running(), self.connect(target.where) as client:
            source = "127.0.0.1:%d" % client.getsockname()[1]
            done = subprocess.run([*curl, "-H", "Authorization: Bearer 0123456789abcdef0123456789abcdef", f"http://{where}/v1/nat/{source}"],
                                  capture_output=True, text=True, check=True, timeout=SECONDS)
            body, _, code = done.stdout.rpartition(" ")
            self.assertEqual((json.loads(body)["flows"][0]["original"], code), (target.where, "200"))
            done = subprocess.run([*curl, f"http://{where}/v1/nat/{source}"], capture_output=True, text=True, check=True, timeout=SECONDS)
            self.assertEqual(done.stdout.rpartition(" ")[2], "401")

    def test_a_miss_is_4(self):
        with self.running():
            self.assertEqual(self.ask("query", "127.0.0.1:1", code=4, socket_name="query"), "")
            answer = self.ask("query", "[2001:db8::1]:1", "--json", code=4, socket_name="query")
            self.assertEqual(json.loads(answer), {"status": "miss", "matches": 0})

    def test_a_killed_connection_is_reset(self):
        with echo() as target, self.running(), self.connect(target.where) as client:
            running = json.loads(self.ask("connections", "--json"))["connections"]
            self.assertEqual(self.ask("connections", "kill", str(running[0]["id"])), "killed\n")
            with self.assertRaises(ConnectionResetError):
                client.recv(1)
            self.assertEqual(self.ask("connections", "kill", "999999", code=1), "no such connection\n")

    def test_chains_say_how_each_hop_fares(self):
        with socket.create_server(("127.0.0.1", 0)) as gone:
            hop = "127.0.0.1:%d" % gone.getsockname()[1]
        with self.running("-F", "socks5://me:hunter2@" + hop):
            heading, row = self.ask("chains").splitlines()
            self.assertEqual(heading.split(), ["CHAIN", "HOP", "URL", "STATE", "OK", "NOW", "CONNECT", "TLS", "REQUEST", "LAST", "FAILURE"])
            self.assertEqual(row.split()[1:], [hop, "socks5://" + hop, "untried", "0/0", "0", "-", "-", "-", "-"])
            self.refused("192.0.2.1:80")
            row = self.ask("chains").splitlines()[1]
            self.assertRegex(row, r"failing for \d+\.\d s, 1 in a row  0/1 .* s ago: hop 0 \(" + hop + r"\): connect: connection refused")
            self.assertNotIn("hunter2", row)
            known = json.loads(self.ask("chains", "--json"))["chains"][0]["hops"][0]
            self.assertEqual((known["state"], known["consecutive_failures"]), ("failing", 1))
        with self.running():
            self.assertEqual(self.ask("chains").splitlines()[1].split()[0], "direct")

    def test_metrics_are_text_or_json(self):
        with self.running():
            text = self.ask("metrics")
            self.assertIn("# TYPE omnilink_connections gauge\n", text)
            self.assertIn("omnilink_nat_capacity 65536\n", text)
            self.assertIn('omnilink_connections_accepted_total{listener="mixed://%s"} 0\n' % self.listening[0], text)
            self.assertIn("# TYPE omnilink_connections gauge\n", json.loads(self.ask("metrics", "--json"))["metrics"])

    def test_nobody_there_is_1_and_says_the_remedy(self):
        for words in (["query", "127.0.0.1:1"], ["nat", "stats"], ["connections"], ["connections", "kill", "1"], ["chains"],
                      ["metrics"], ["explain", "example.org:443"], ["rules"], ["reload"], ["drain"], ["stop"]):
            done = omnilink(*words, "--socket", os.path.join(self.path, "none"))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"^omnilink: .*none.*omnilink run.*\n$")

    def test_a_silent_or_strange_service_is_1(self):
        path = os.path.join(self.path, "strange")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()

            def answer(text):
                with listener.accept()[0] as client:
                    client.recv(4096)
                    client.sendall(text)

            for text in (b"", b"hello\n", b"[]\n", b"{}\n", b'{"flows": [{"source": 3}]}\n', b'{"error": "no such verb"}\n'):
                thread = threading.Thread(target=answer, args=(text,))
                thread.start()
                done = omnilink("nat", "list", "--socket", path)
                thread.join(SECONDS)
                self.assertEqual((done.returncode, done.stdout), (1, ""), text)
                self.assertRegex(done.stderr, r"^omnilink: .+\n$")
