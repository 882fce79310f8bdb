"""A container as docker makes one, beside the world of world.py: a veth pair, a bridge, and NAT.

    box (a namespace)                       near (world.py), its gateway                         far (world.py)
      eth0 203.0.113.194  ------ veth ------  br0  203.0.113.193      near0  ------ veth ------  far0
           2001:db8:c::2                           2001:db8:c::1      (masqueraded)              ORIGIN, FAR

So nothing in far ever sees an address of box's.
"""

import subprocess

import world

BOX4, GATEWAY4 = "203.0.113.194", "203.0.113.193"
BOX6, GATEWAY6 = "2001:db8:c::2", "2001:db8:c::1"
NAT = """table inet docker {
  chain post {
    type nat hook postrouting priority 100;
    ip saddr 203.0.113.192/26 oifname != "br0" masquerade
    ip6 saddr 2001:db8:c::/64 oifname != "br0" masquerade
  }
}"""
_box = None


def enter():
    """Behind world.enter()."""
    global _box
    world.enter()
    if _box is not None:
        return
    _box = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready && exec sleep infinity"], stdout=subprocess.PIPE,
                            preexec_fn=world.die_with_parent)
    if _box.stdout.readline() != b"ready\n":
        raise AssertionError("the box could not be made")
    world.near_ip("link", "add", "br0", "type", "bridge")
    world.near_ip("link", "add", "port0", "type", "veth", "peer", "name", "eth0", "netns", str(_box.pid))
    world.near_ip("link", "set", "port0", "master", "br0")
    for run, name, four, six in ((world.near_ip, "br0", GATEWAY4, GATEWAY6), (box_ip, "eth0", BOX4, BOX6)):
        run("addr", "add", f"{four}/26", "dev", name)
        run("addr", "add", f"{six}/64", "dev", name, "nodad")
        run("link", "set", name, "up")
    world.near_ip("link", "set", "port0", "up")
    box_ip("link", "set", "lo", "up")
    box_ip("route", "add", "default", "via", GATEWAY4)
    box_ip("-6", "route", "add", "default", "via", GATEWAY6)
    world.write("/proc/sys/net/ipv4/ip_forward", "1")
    world.write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
    subprocess.run(["nft", "-f", "-"], input=NAT, text=True, check=True)


def box_ip(*words):
    subprocess.run(in_box(["ip", *words]), check=True, capture_output=True)


def in_box(command):
    """The command line that runs `command` in the box."""
    return ["nsenter", f"--target={_box.pid}", "--net", *command]


def call(function):
    """Calls it in a thread that is in the box; sockets made there stay there."""
    return world.call_in(_box.pid, function)
