"""What nftables has in the namespace that the tests are in."""

import subprocess


def nft(*words):
    return subprocess.run(["nft", *words], capture_output=True, text=True, timeout=20)


def tables():
    return {line.split(" ", 1)[1] for line in nft("list", "tables").stdout.splitlines()}
