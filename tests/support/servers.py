"""Real proxies from Debian, each started on a free port of the far namespace and ended by its own process id.

    with servers() as s:  hop = s.microsocks(); … f"-F", hop.url
A server's URL is the one that omnilink's -F takes.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import world

READY_SECONDS = 20
STUNNEL = ("stunnel4", "stunnel")


def program(*names):
    """The path of the first of these that is installed."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    world.cannot(f"{names[0]} is not installed")


class server:
    def __init__(self, name, process, log, address, port, scheme, user="", query=""):
        self.name, self.process, self.log = name, process, log
        self.address, self.port = address, port
        host = f"[{address}]" if ":" in address else address
        self.url = f"{scheme}://{user + '@' if user else ''}{host}:{port}{query}"

    def output(self):
        with open(self.log, errors="replace") as text:
            return text.read()[-4000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class servers:
    """Starts them, waits until they accept, stops them in reverse order."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="omnilink-test-")
        os.chmod(self.folder, 0o755)  # some of them drop to another user
        self.running = []
        self.authority_ = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in reversed(self.running):
            one.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, text, mode=0o644):
        path = self.path(name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def start(self, name, command, address, port, scheme, user="", query="", stdin=subprocess.DEVNULL):
        log = self.path(f"{name}-{port}.log")
        with open(log, "w") as out:
            process = subprocess.Popen(world.in_far(command), stdin=stdin, stdout=out, stderr=out,
                                       preexec_fn=world.die_with_parent, cwd=self.folder)
        one = server(name, process, log, address, port, scheme, user, query)
        self.running.append(one)
        deadline = time.monotonic() + READY_SECONDS
        while not accepts(address, port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name} does not accept on {address}:{port}\n{one.output()}")
            time.sleep(0.02)
        return one

    # -- SOCKS5 ----------------------------------------------------------------------------------------------------

    def microsocks(self, user="", password="", address=world.FAR4):
        port = world.free_far_port()
        command = [program("microsocks"), "-i", address, "-p", str(port)]
        if user:
            command += ["-u", user, "-P", password]
        return self.start("microsocks", command, address, port, "socks5", f"{user}:{password}" if user else "")

    def danted(self, address=world.FAR4):
        port = world.free_far_port()
        config = self.file(f"danted-{port}.conf", f"""
            logoutput: stderr
            internal: {address} port = {port}
            external: far0
            clientmethod: none
            socksmethod: none
            user.notprivileged: {pwd.getpwuid(os.getuid()).pw_name if os.getuid() else "nobody"}
            client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
            client pass {{ from: ::/0 to: ::/0 }}
            socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
            socks pass {{ from: ::/0 to: ::/0 }}
            """)
        return self.start("danted", [program("danted"), "-f", config, "-p", self.path(f"danted-{port}.pid")], address,
                          port, "socks5")

    def ssh_dynamic(self, address=world.FAR4):
        """`ssh -D` over an sshd of its own."""
        sshd_port, port = world.free_far_port(), None
        self.sshd(address, sshd_port)
        port = world.free_far_port()
        listen = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        command = [program("ssh"), "-F", "none", "-N", "-D", listen, *self.ssh_options(), "-p", str(sshd_port), address]
        return self.start("ssh", command, address, port, "socks5")

    def ssh_options(self):
        """What an ssh client needs to reach sshd()."""
        return ["-i", self.path("user_key"), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
                "-o", f"UserKnownHostsFile={self.path('known_hosts')}", "-o", "IdentitiesOnly=yes"]

    def sshd(self, address, port=0):
        port = port or world.free_far_port()
        keygen = program("ssh-keygen")
        for name in ("host_key", "user_key"):
            if not os.path.exists(self.path(name)):
                subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", self.path(name)], check=True)
        shutil.copy(self.path("user_key.pub"), self.path("authorized_keys"))
        config = self.file(f"sshd-{port}.conf", f"""
            ListenAddress {address}
            Port {port}
            HostKey {self.path("host_key")}
            AuthorizedKeysFile {self.path("authorized_keys")}
            PidFile none
            StrictModes no
            UsePAM no
            PermitRootLogin yes
            PasswordAuthentication no
            """)
        return self.start("sshd", [program("sshd"), "-D", "-e", "-f", config], address, port, "ssh")

    # -- HTTP CONNECT ----------------------------------------------------------------------------------------------

    def tinyproxy(self, user="", password="", address=world.FAR4):
        port = world.free_far_port()
        auth = f"BasicAuth {user} {password}" if user else ""
        config = self.file(f"tinyproxy-{port}.conf", f"Port {port}\nListen {address}\nTimeout 60\nMaxClients 100\n{auth}\n")
        return self.start("tinyproxy", [program("tinyproxy"), "-d", "-c", config], address, port, "http",
                          f"{user}:{password}" if user else "")

    def squid(self, address=world.FAR4):
        port = world.free_far_port()
        host = f"[{address}]" if ":" in address else address
        state = self.path(f"squid-{port}")
        os.makedirs(state)
        os.chmod(state, 0o777)
        config = self.file(f"squid-{port}.conf", f"""
http_port {host}:{port}
http_access allow all
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
access_log none
cache_log {state}/cache.log
pid_filename none
coredump_dir {state}
shutdown_lifetime 0 seconds
icon_directory {state}
netdb_filename none
pinger_enable off
""")
        return self.start("squid", [program("squid"), "-N", "-f", config], address, port, "http")

    # -- TLS -------------------------------------------------------------------------------------------------------

    def authority(self):
        if self.authority_ is None:
            self.authority_ = authority(self.folder)
        return self.authority_

    def stunnel(self, behind, names=("hop.test",), address=world.FAR4, identity=None, more=""):
        """TLS in front of a running server; its scheme becomes https or socks5+tls, trusted by our own CA.

        identity: (certificate file, key file) in place of one for `names`; more: lines of its configuration.
        """
        port = world.free_far_port()
        certificate, key = identity or self.authority().certificate(names)
        config = self.file(f"stunnel-{port}.conf", f"""
foreground = yes
pid =
[hop]
accept = {address}:{port}
connect = {behind.address}:{behind.port}
cert = {certificate}
key = {key}
{more}
""")
        scheme, rest = behind.url.split("://")
        user = rest.rpartition("@")[0]
        one = self.start("stunnel", [program(*STUNNEL), config], address, port,
                         {"http": "https", "socks5": "socks5+tls"}[scheme], user)
        one.url += f"?ca={self.authority().ca}&sni={names[0]}"
        return one

    def s_server(self, identity, *words, sni="hop.test", typed=False):
        """`openssl s_server`. It ends TLS and is no proxy; typed: what is written to process.stdin goes to the client."""
        port = world.free_far_port()
        command = [program("openssl"), "s_server", "-accept", f"{world.FAR4}:{port}", "-cert", identity[0], "-key", identity[1],
                   *(["-crlf"] if typed else ["-www"]), *words]
        return self.start("s_server", command, world.FAR4, port, "https", stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
                          query=f"?ca={self.authority().ca}" + (f"&sni={sni}" if sni else ""))


EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
A_CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash"


def names_of(names):
    return "subjectAltName=" + ",".join(("IP:" if n.replace(".", "").isdigit() or ":" in n else "DNS:") + n for n in names)


class authority:
    """A certificate authority of the tests' own. An identity is (certificate file, key file)."""

    def __init__(self, folder, name="test authority"):
        self.folder, self.count = tempfile.mkdtemp(prefix="authority-", dir=folder), 0
        os.chmod(self.folder, 0o755)
        self.ca, self.key = self.path("ca.pem"), self.path("ca.key")
        self.openssl("req", "-x509", *EC, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.ca)

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *words):
        done = subprocess.run([program("openssl"), *words], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"openssl {' '.join(words)}\n{done.stderr}")
        return done.stdout

    def certificate(self, names, days=(-1, 2), name="", extensions="", key=EC, digest="sha256", by=None):
        """For these names, valid between these days from now; `by`: an identity that signs in place of the authority."""
        self.count += 1
        base = self.path(f"certificate-{self.count}")
        world.write(base + ".ext", "\n".join(filter(None, (names_of(names) if names else "", extensions))) + "\n")
        world.write(base + ".index", "")
        world.write(base + ".conf", f"[ca]\ndefault_ca=here\n[here]\ndatabase={base}.index\nnew_certs_dir={self.folder}\nrand_serial=yes\n"
                    "policy=any\nunique_subject=no\n[any]\ncommonName=supplied\n")
        self.openssl("req", *key, "-nodes", "-subj", f"/CN={name or names[0]}", "-keyout", base + ".key", "-out", base + ".csr")
        certificate, issuer_key = by or (self.ca, self.key)
        first, last = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + 86400 * d)) for d in days)
        self.openssl("ca", "-batch", "-notext", "-config", base + ".conf", "-in", base + ".csr", "-out", base + ".pem",
                     "-cert", certificate, "-keyfile", issuer_key, "-md", digest, "-startdate", first, "-enddate", last,
                     "-extfile", base + ".ext")
        os.chmod(base + ".key", 0o644)
        return base + ".pem", base + ".key"

    def self_signed(self, names):
        self.count += 1
        base = self.path(f"certificate-{self.count}")
        self.openssl("req", "-x509", *EC, "-nodes", "-days", "2", "-subj", f"/CN={names[0]}", "-addext", names_of(names),
                     "-keyout", base + ".key", "-out", base + ".pem")
        return base + ".pem", base + ".key"


def accepts(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
