"""What `./deploy/run` shows to whoever comes first."""

import unittest

import program

PRESETS = ("release",)


class demo(unittest.TestCase):
    def test_a_trip_through_three_hops(self):
        done = program.omnilink("demo", "--once")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for word in ("hello from origin.example", "hop 2  https   asked for origin.example:80", "verdict        no error"):
            self.assertIn(word, done.stdout)
