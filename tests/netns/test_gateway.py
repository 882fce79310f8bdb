"""Redirect in prerouting: what other machines open to this one, and through it."""

import subprocess
import unittest

import omnilink
import world

THROUGH = "203.0.113.77"  # nobody has it; the way there leads through near


def setUpModule():
    world.enter()
    if not world.is_root():
        raise unittest.SkipTest("a redirect listener's service becomes another user, which needs root")
    world.far_ip("route", "add", f"{THROUGH}/32", "via", world.NEAR4)
    world.write("/proc/sys/net/ipv4/ip_forward", "1")


def far_curl(url):
    command = ["curl", "-s", "--max-time", "20", url]
    return subprocess.run(world.in_far(command), capture_output=True, text=True, timeout=60).stdout


class gateway(unittest.TestCase):
    def listener(self, conditions):
        return [f"redirect://0.0.0.0:0?allow_remote=true&fail=open&{conditions}"]

    def test_incoming(self):
        """The captured port is not served here: only the redirect can answer."""
        with omnilink.service("reject", listen=self.listener("direction=in&port=9000")) as service:
            far_curl(f"http://{world.NEAR4}:9000/")
            line = service.access()
            self.assertEqual((line["destination"], line["verdict"]), (f"{world.NEAR4}:9000", "rejected"))
            far_curl(f"http://[{world.NEAR6}]:9000/")
            self.assertEqual(service.access(1, 2)["destination"], f"[{world.NEAR6}]:9000")

    def test_forwarded(self):
        with omnilink.service("reject", listen=self.listener("direction=forward&port=80")) as service:
            far_curl(f"http://{THROUGH}/")
            line = service.access()
            self.assertEqual((line["destination"], line["verdict"]), (f"{THROUGH}:80", "rejected"))
            self.assertTrue(line["source"].startswith(world.FAR4))
