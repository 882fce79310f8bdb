"""`omnilink explain` and `omnilink rules` as a user and a script see them, by a file and by the running service."""

import json

from program import echo, folder, omnilink, running_service

PRESETS = ("release", "asan")
RULES = """[[hop]]
name = "paris"
url = "socks5://me:hunter2@198.51.100.1:1080"
[[chain]]
name = "out"
hops = ["paris"]
[[rule]]
name = "test port"
match = { port = [80] }
action = "redirect::8080"
[[rule]]
name = "ads"
match = { host = ["*.ads.example"], uid = 1000 }
action = "block"
[[rule]]
match = { port = ["8080-8090"] }
action = "chain:out"
"""


class explain(folder):
    def explain(self, code, *words, text="version = 1\n" + RULES):
        done = omnilink("explain", "-c", self.write("omnilink.toml", text), *words)
        self.assertEqual((done.returncode, done.stderr), (code, ""), done.stdout)
        self.assertNotIn("hunter2", done.stdout)
        return done.stdout

    def test_who_decides_and_why_the_others_lost(self):
        text = self.explain(0, "www.ads.example:80")
        self.assertTrue(text.startswith("www.ads.example:80 would connect through chain out\n"), text)
        for part in ("becomes    www.ads.example:8080, changed by \"test port\"", "way        paris (socks5://198.51.100.1:1080) -> ",
                     "not given  uid (--uid)", "uid is 1000: it is unknown"):
            self.assertIn(part, text)
        text = self.explain(3, "www.ads.example:80", "--uid", "1000")
        self.assertTrue(text.startswith("www.ads.example:80 would be blocked, without an answer\n"), text)
        self.assertRegex(text, r'not asked +"rule 3".*"ads" of configuration ended the search')
        self.assertIn("no rule matches, and that is a reject", self.explain(3, "[2001:db8::7]:22"))

    def test_as_json(self):
        known = json.loads(self.explain(3, "192.0.2.7:80", "--host", "a.ads.example", "--uid", "1000", "--at", "Tue 00:01", "--json"))
        self.assertEqual((known["outcome"], known["answer"], known["target"]), ("blocked", "block", "192.0.2.7:8080"))
        self.assertEqual(known["known"], {"host": "a.ads.example", "protocol": 6, "remote_address": "192.0.2.7",
                                          "remote_port": 80, "time": 1441, "uid": 1000})
        self.assertEqual([layer["layer"] for layer in known["layers"]], ["connect_redirect_v4", "connect_auth_v4"])
        self.assertEqual(known["layers"][1]["by"]["name"], "ads")

    def test_who_may_come_and_when(self):
        text = 'version = 1\n[[filter]]\nname = "night"\nlayer = "accept_v4"\naction = "reject"\nmatch = { time = "22:00-06:00" }\n[[rule]]\naction = "direct"\nmatch = { time = "Mon-Fri" }\n'
        ask = lambda code, at: self.explain(code, "192.0.2.7:80", "--from", "10.0.0.7", "--direction", "in", "--at", at, text=text)
        self.assertIn("accept_v4: may it come in?", ask(0, "Mon 06:00"))
        self.assertIn('because    "night" of configuration: reject', ask(3, "Mon 05:59"))
        self.assertIn("time is Mon 00:00-Sat 00:00: it is Sat 12:00", ask(3, "Sat 12:00"))

    def test_without_rules(self):
        self.assertIn("no rules: the only chain", self.explain(0, "example.org:443", text="version = 1\n" + RULES[:RULES.index("[[rule]]")]))
        self.assertIn("would connect directly", self.explain(0, "example.org:443", text="version = 1\n"))

    def test_bad_input(self):
        path = self.write("omnilink.toml", "version = 1\n[[rule]]\naction = \"blok\"\n")
        done = omnilink("explain", "-c", path, "example.org:443")
        self.assertEqual((done.returncode, done.stdout), (78, ""))
        self.assertIn(f"{path}:3:", done.stderr)
        for words in (["example.org"], ["example.org:443", "--at", "Fri"], ["example.org:443", "--from", "me"], ["example.org:443", "--direction", "up"],
                      ["example.org:443", "--uid", "-1"],
                      ["example.org:443", "--uid", "4294967296"], ["192.0.2.7:80", "--host", "a b"], ["example.org:443", "-c", path, "--socket", path], []):
            self.assertEqual(omnilink("explain", *words).returncode, 2, words)


class rules(running_service):
    def test_rules_of_the_running_service(self):
        with echo() as target:
            self.change(RULES + f'[[rule]]\nname = "here"\nmatch = {{ port = {target.where.split(":")[1]} }}\naction = "direct"\n')
            with self.running():
                self.connect(target.where).close()
                text = self.ask("explain", target.where)
                self.assertTrue(text.startswith(f"{target.where} would connect directly\n"), text)
                self.assertIn("would be blocked", self.ask("explain", "a.ads.example:80", "--uid", "1000", code=3))
                here = [f for f in json.loads(self.ask("rules", "--json"))["rules"] if f["name"] == "here"]
                self.assertEqual([(f["layer"], f["enabled"], f["hits"]) for f in here],
                                 [("connect_auth_v4", True, 1), ("connect_auth_v6", True, 0)])
                self.assertRegex(self.ask("rules", "counters"), rf'{here[0]["id"]} .*here .* 1 +\d+\.\d s ago')
                self.assertRegex(self.ask("rules", "list"), r"test port +configuration +redirect::8080 +enabled +remote_port is 80")
                said = self.ask("rules", "disable", str(here[0]["id"]))
                self.assertEqual(said, f'disabled {here[0]["id"]} (here, connect_auth_v4)\n'
                                 f'{here[1]["id"]} is the same rule in connect_auth_v6; it is enabled\n')
                self.refused(target.where)
                self.ask("explain", target.where, code=3)
                self.ask("rules", "enable", str(here[0]["id"]))
                self.connect(target.where).close()
                self.ask("rules", "enable", "7", code=1)
