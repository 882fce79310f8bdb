"""The other programs: their configurations, and how each is started in the foreground at a place (candidates.place).

They log as they do by default, into a file, and work in one thread or process where they can be told to. tinyproxy's default is
a line per connection, each flushed to the disk before it goes on, which is no matter of relaying: it gets a higher level.
"""

import contextlib
import json
import os

import network
from candidates import program, redirecting, tproxying

DANTE = """logoutput: stderr
internal: 127.0.0.1 port = {port}
external: lo
clientmethod: none
socksmethod: none
user.privileged: {user}
user.notprivileged: {user}
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
"""

TINYPROXY = """Port {port}
Listen 127.0.0.1
Timeout 600
MaxClients 300
LogLevel Warning
"""

SQUID = """http_port 127.0.0.1:{port}
http_access allow all
cache deny all
max_filedescriptors 4096
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename none
coredump_dir {folder}
icon_directory {folder}
shutdown_lifetime 0 seconds
netdb_filename none
pinger_enable off
"""

REDSOCKS = """base {{ log_info = on; log = "stderr"; daemon = off; redirector = iptables; }}
redsocks {{ local_ip = 127.0.0.1; local_port = {port}; ip = 127.0.0.1; port = {hop}; type = socks5; }}
"""

HAPROXY = """global
  nbthread 1
  maxconn {connections}
defaults
  mode tcp
  maxconn {connections}
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  {option}
listen way
  bind 127.0.0.1:{port}
  server to {to} {more}
"""

# Debian ships the module for streams as a file of its own.
NGINX = """daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
load_module {modules}/ngx_stream_module.so;
events {{ worker_connections {connections}; }}
stream {{
  server {{
    listen 127.0.0.1:{port}{listen} backlog=4096;
    proxy_pass {to};
    proxy_timeout 1h;
    {more}
  }}
}}
"""
NGINX_MODULES = "/usr/lib/nginx/modules"

STUNNEL = """foreground = yes
syslog = no
pid =
[way]
client = yes
accept = 127.0.0.1:{port}
connect = {to}
CAfile = {authority}
verifyChain = yes
checkHost = {name}
"""

PROXYCHAINS = """strict_chain
quiet_mode
tcp_read_time_out 15000
tcp_connect_time_out 8000
[ProxyList]
{hops}
"""


def microsocks(at):
    return at.start([program("microsocks"), "-i", "127.0.0.1", "-p", str(at.port)])


def dante(at):
    user = "root" if os.getuid() == 0 else network.user_name()
    return at.start([program("danted"), "-f", at.file("danted.conf", DANTE.format(port=at.port, user=user)), "-p", f"{at.folder}/pid"])


def tinyproxy(at):
    return at.start([program("tinyproxy"), "-d", "-c", at.file("tinyproxy.conf", TINYPROXY.format(port=at.port))])


def squid(at):
    os.chmod(at.folder, 0o777)  # it drops to a user of its own
    return at.start([program("squid"), "-N", "-f", at.file("squid.conf", SQUID.format(port=at.port, folder=at.folder), 0o644)])


def redsocks(at):
    return redirecting(at, [program("redsocks"), "-c", at.file("redsocks.conf", REDSOCKS.format(port=at.port, hop=at.hops[0]))])


def haproxy(at, to, option="", more=""):
    config = HAPROXY.format(port=at.port, to=to, option=option, more=more, connections=max(at.connections + 200, 4096))
    return at.start([program("haproxy"), "-db", "-f", at.file("haproxy.cfg", config)])


def nginx(at, to, more="", listen=""):
    config = NGINX.format(port=at.port, to=to, folder=at.folder, modules=NGINX_MODULES, more=more, listen=listen,
                          connections=max(2 * at.connections + 200, 8192))
    return at.start([program("nginx"), "-p", at.folder, "-e", "stderr", "-c", at.file("nginx.conf", config)])


def pass_haproxy(at):
    return haproxy(at, at.target)


def pass_haproxy_splice(at):
    return haproxy(at, at.target, "option splice-request\n  option splice-response")


def pass_nginx(at):
    return nginx(at, at.target)


def v2ray(at, inbound, outbounds):
    config = {"inbounds": [{"listen": "127.0.0.1", "port": at.port, **inbound}], "outbounds": outbounds}
    return [program("v2ray"), "-config", at.file("v2ray.json", json.dumps(config))]


def v2ray_hop(port, kind):
    return {"protocol": {"socks5": "socks"}.get(kind, kind), "tag": str(port), "settings": {"servers": [{"address": "127.0.0.1", "port": port}]}}


def v2ray_straight(protocol):
    return lambda at: at.start(v2ray(at, {"protocol": protocol}, [{"protocol": "freedom"}]))


def v2ray_chain(at):
    # The last hop's is the one that is used; it goes through the one before it.
    outbounds = [v2ray_hop(port, kind) for port, kind in zip(at.hops, at.kinds)]
    for before, after in zip(outbounds, outbounds[1:]):
        after["proxySettings"] = {"tag": before["tag"]}
    return at.start(v2ray(at, {"protocol": "socks"}, outbounds[::-1]))


def v2ray_intercepted(at, how):
    inbound = {"protocol": "dokodemo-door", "settings": {"network": "tcp", "followRedirect": True},
               "streamSettings": {"sockopt": {"tproxy": how}}}
    return v2ray(at, inbound, [v2ray_hop(at.hops[0], "socks5")])


def v2ray_redirect(at):
    return redirecting(at, v2ray_intercepted(at, "redirect"))


def v2ray_tproxy(at):
    return tproxying(at, v2ray_intercepted(at, "tproxy"))


def tls_haproxy(at):
    return haproxy(at, f"127.0.0.1:{at.hops[0]}", more=f"ssl verify required ca-file {at.authority} sni str({network.HOP_NAME})")


def tls_nginx(at):
    # Its default is no TLS 1.3 here, which all others speak.
    more = (f"proxy_ssl on; proxy_ssl_protocols TLSv1.3; proxy_ssl_verify on; proxy_ssl_name {network.HOP_NAME}; proxy_ssl_server_name on; "
            f"proxy_ssl_trusted_certificate {at.authority};")
    return nginx(at, f"127.0.0.1:{at.hops[0]}", more)


def stunnel(at):
    config = STUNNEL.format(port=at.port, to=f"127.0.0.1:{at.hops[0]}", authority=at.authority, name=network.HOP_NAME)
    return at.start([program("stunnel4"), at.file("stunnel.conf", config)])


def proxychains(at):
    """In front of the load tool, which it is loaded into."""
    hops = "\n".join(f"{kind} 127.0.0.1 {port}" for port, kind in zip(at.hops, at.kinds))
    return [program("proxychains4"), "-q", "-f", at.file("proxychains.conf", PROXYCHAINS.format(hops=hops), 0o644)]


@contextlib.contextmanager
def terminator(at, behind, resumes):
    """The hop's side of TLS: nginx in front of a SOCKS5 hop; it decides whether clients may resume."""
    tickets = "" if resumes else "ssl_session_tickets off; ssl_session_cache off;"
    more = (f"ssl_certificate {at.certificate}; ssl_certificate_key {at.key}; ssl_protocols TLSv1.2 TLSv1.3; {tickets} "
            "proxy_buffer_size 128k;")
    with nginx(at, f"127.0.0.1:{behind}", more, " ssl") as running:
        yield running
