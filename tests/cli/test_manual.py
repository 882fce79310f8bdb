"""What helps a user with omnilink's words: the manual page, the shells' completions, and where an installation puts them."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

PRESETS = ("release",)
BINARY = os.environ["OMNILINK"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs/man/omnilink.1")
SECONDS = 60


def run(*words, **more):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, **more)


def help_of(*verb):
    return run(BINARY, *verb, "--help").stdout


def verbs(*path):
    """Every verb below, as tuples of words, with their parents."""
    part = help_of(*path).partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"(?m)^  ([a-z]+) ", part):
        yield (*path, name)
        yield from verbs(*path, name)


def flags(*verb):
    return set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z-]+)", help_of(*verb)))


class manual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shown = run("mandoc", "-Tascii", PAGE).stdout
        cls.shown = re.sub(".\b", "", cls.shown)  # bold and underlined

    def test_no_warning(self):
        done = run("mandoc", "-Tlint", "-W", "warning", PAGE)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_every_verb_and_every_flag_is_in_it(self):
        known = list(verbs())
        self.assertIn(("nat", "list"), known)
        self.assertGreater(len(known), 15)
        text = " ".join(self.shown.split())
        for verb in known:
            self.assertIn(" ".join(verb), text)
            for flag in flags(*verb):
                self.assertIn(flag, text, verb)

    def test_every_key_of_the_configuration_is_in_it(self):
        keys = set()
        for path in glob.glob(os.path.join(ROOT, "cli/config_*.cpp")):
            with open(path) as source:
                keys |= set(re.findall(r'(?:in_?\.\w+\(|read_beside_url\(in, )"([a-z_]+)"', source.read()))
        self.assertGreater(len(keys), 40)
        for key in keys:
            self.assertRegex(self.shown, rf"\b{key}\b")


class completion(unittest.TestCase):
    def complete(self, *words):
        """What bash offers for the last word, as if the user pressed Tab behind it."""
        script = ('source <("$0" completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_omnilink; printf "%s\\n" "${COMPREPLY[@]}"')
        done = run("bash", "--norc", "-c", script, BINARY, "omnilink", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.split()

    def test_bash_offers_verbs(self):
        everything = self.complete("")
        for verb in verbs():
            (offered, word) = (everything, verb[0]) if len(verb) == 1 else (self.complete(*verb[:-1], ""), verb[-1])
            self.assertIn(word, offered)
        self.assertEqual(self.complete("conn"), ["connections"])
        self.assertEqual(self.complete("nat", "l"), ["list"])

    def test_bash_offers_flags_of_the_verb_alone(self):
        for verb in verbs():
            self.assertEqual(set(self.complete(*verb, "--")), flags(*verb), verb)

    def test_bash_offers_files_and_commands_where_they_belong(self):
        with tempfile.TemporaryDirectory(prefix="omnilink-words-") as folder:
            path = os.path.join(folder, "omnilink.toml")
            open(path, "w").close()
            self.assertEqual(self.complete("run", "-c", folder + "/o"), [path])
            self.assertEqual(self.complete("query", "--socket", folder + "/o"), [path])
        self.assertEqual(self.complete("nat", "list", "--limit", ""), [])
        self.assertIn("bash", self.complete("exec", "bas"))
        self.assertIn("bash", self.complete("exec", "-F", "direct", "--", "bas"))

    def test_a_word_that_is_no_shell_is_usage(self):
        done = run(BINARY, "completion", "tcsh")
        self.assertEqual((done.returncode, done.stdout), (2, ""))

    def test_the_other_shells_can_read_theirs(self):
        for shell, check in (("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            text = run(BINARY, "completion", shell).stdout
            for verb in verbs():
                self.assertIn(verb[-1], text)
                for flag in flags(*verb):
                    self.assertIn(flag[2:], text)
            if not shutil.which(shell):
                continue
            with tempfile.NamedTemporaryFile("w", prefix="omnilink-words-") as file:
                file.write(text)
                file.flush()
                done = run(*check, file.name)
                self.assertEqual((done.returncode, done.stderr), (0, ""))


class installation(unittest.TestCase):
    def test_puts_everything_in_its_place(self):
        with tempfile.TemporaryDirectory(prefix="omnilink-install-") as folder:
            done = run("cmake", "--install", os.path.dirname(BINARY), "--prefix", folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            found = {os.path.relpath(os.path.join(at, name), folder) for at, _, names in os.walk(folder) for name in names}
            found = {re.sub("omnilinkConfig-(debug|release)", "omnilinkConfig-TYPE", name) for name in found}
            self.assertEqual(found, {"bin/omnilink", "share/man/man1/omnilink.1", "share/bash-completion/completions/omnilink",
                                     "share/zsh/site-functions/_omnilink", "share/fish/vendor_completions.d/omnilink.fish",
                                     "lib/systemd/system/omnilink.service", "lib/systemd/system/omnilink-netd.service",
                                     "lib/systemd/system/omnilink-netd.socket", "lib/sysusers.d/omnilink.conf",
                                     "include/omnilink.h", "lib/libomnilink.so", "lib/libomnilink.so.0", "lib/libomnilink.so.0.1.0",
                                     "lib/pkgconfig/omnilink.pc", "lib/cmake/omnilink/omnilinkConfig.cmake",
                                     "lib/cmake/omnilink/omnilinkConfig-TYPE.cmake", "lib/cmake/omnilink/omnilinkConfigVersion.cmake"})
            self.assertRegex(run(os.path.join(folder, "bin/omnilink"), "version").stdout, "^omnilink ")
            self.expect_unit(os.path.join(folder, "lib/systemd/system"), "omnilink.service", ["run", "reload"])
            self.expect_unit(os.path.join(folder, "lib/systemd/system"), "omnilink-netd.service", ["netd"])
            with open(os.path.join(folder, "share/bash-completion/completions/omnilink")) as text:
                self.assertEqual(text.read(), run(BINARY, "completion", "bash").stdout)

    def expect_unit(self, installed, name, verbs):
        """A unit that systemd understands, and that starts what there is to start."""
        with open(os.path.join(installed, name)) as text:
            unit = text.read()
        started = re.findall(r"(?m)^Exec\w+=(\S+)/omnilink (\w+)", unit)
        self.assertEqual([verb for _, verb in started], verbs)
        if not shutil.which("systemd-analyze"):
            return
        with tempfile.TemporaryDirectory(prefix="omnilink-unit-") as folder:
            copy = os.path.join(folder, name)
            with open(copy, "w") as out:
                out.write(unit.replace(started[0][0] + "/omnilink", BINARY))
            shutil.copy(os.path.join(installed, "omnilink-netd.socket"), folder)
            # Nothing but the unit's own folder: the machine's other units are not ours to judge.
            done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
