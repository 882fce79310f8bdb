"""The tree keeps the house rules; and the checker sees every kind of breach."""

import os
import tempfile
import unittest

import tidy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# file -> its text and what must be said about it (None: nothing)
FIXTURE = {
    "core/good.hpp": ("#pragma once\n#include <vector>\n", None),
    "core/no_pragma.hpp": ("int x;\n", "1: no #pragma once"),
    "core/unnamed.hpp": ("#pragma once\nnamespace {\n", "2: an unnamed namespace in a header: another one in every file"),
    "wire/good.cpp": ('#include "core/good.hpp"\n#include "wire/x.hpp"\n', None),
    "wire/up.cpp": ('\n#include "io/stream.hpp"\n', "2: wire/ may not include io/"),
    "chain/sideways.cpp": ('#include "interceptor/x.hpp"\n', "1: chain/ may not include interceptor/"),
    "interceptor/filter/good.cpp": ('#include "core/good.hpp"\n#include "interceptor/filter/x.hpp"\n', None),
    "interceptor/filter/sideways.cpp": ('#include "interceptor/x.hpp"\n', "1: interceptor/filter/ may include core/ only"),
    "nat/roomless.cpp": ('#include "table.hpp"\n', '1: "table.hpp" is written without its room'),
    "chain/actor.cpp": ("#include <caf/all.hpp>\n", "1: CAF belongs to actors/ only"),
    "actors/tls.cpp": ("#include <openssl/ssl.h>\n", "1: OpenSSL belongs to io/ only"),
    "chain/kernel.cpp": ("#include <linux/netlink.h>\n",
                         "1: <linux/netlink.h> is a Linux header; they stay in io/ and interceptor/"),
    "interceptor/kernel.cpp": ("#include <linux/netlink.h>\n", None),
    "interceptor/ruleset.cpp": ("#include <sys/socket.h>\n",
                                "1: <sys/socket.h> in a pure file: no sockets, threads or clocks here"),
    "nat/thread.cpp": ("#  include <mutex>\n", "1: <mutex> in a pure file: no sockets, threads or clocks here"),
    "nat/clock.cpp": ("auto t = std::chrono::steady_clock::now();\n", "1: a clock in a pure file: time is an argument"),
    "core/timing_wheel.cpp": ("auto t = core::clock::now();\n", "1: a clock in a pure file: time is an argument"),
    "core/clock.hpp": ("#pragma once\nauto t = std::chrono::steady_clock::now();\n", None),
    "nat/comment.cpp": ("// not steady_clock::now()\n", None),
    "cli/space.cpp": ("int x; \n", "1: trailing whitespace"),
    "cli/tab.cpp": ("\tint x;\n", "1: a tab"),
    "cli/ending.cpp": ("int x;", "1: no newline at the end"),
    "cli/long.cpp": ("\n" * 501, "501: more than 500 lines"),
    "io/half.cpp": ("if (ready && co_await more()) return;\n",
                    "1: a co_await in one half of a condition: give it a statement of its own"),
    "io/whole.cpp": ("const bool any = co_await more();\n", None),
    "cli/home.cpp": ("// see /home/" + "me/x\n", "1: a path of one machine"),
    "build/core/skipped.hpp": ("\t", None),
}


class tidy_test(unittest.TestCase):
    def test_the_tree_keeps_the_rules(self):
        self.assertEqual(list(tidy.breaches(ROOT)), [])

    def test_every_kind_of_breach_is_seen(self):
        with tempfile.TemporaryDirectory() as root:
            for path, (text, _) in FIXTURE.items():
                os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(root, path), "w") as out:
                    out.write(text)
            wanted = sorted(f"{path}:{said}" for path, (_, said) in FIXTURE.items() if said)
            self.assertEqual(sorted(tidy.breaches(root)), wanted)
