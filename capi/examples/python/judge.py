"""A SOCKS5 and HTTP proxy whose every connection a Python function judges: `python3 judge.py HOST…` lets through to these hosts only."""

import os
import sys

import omnilink

CONFIG = """version = 1
[query]
socket = ""
[admin]
socket = ""
[log]
access = false
[[listen]]
url = "mixed://127.0.0.1:0"
[[callout]]
name = "judge"
kind = "library"
[[rule]]
action = "callout:judge"
[[rule]]
action = "direct"
"""


def main(hosts):
    def judge(question):
        return omnilink.CONTINUE if question.host in hosts else omnilink.REJECT

    def ended(verdict):
        print(f"{verdict.host}:{verdict.port} {verdict.bytes_down} bytes: {verdict.text}", flush=True)

    with omnilink.Service(CONFIG, os.environ.get("OMNILINK"), callouts={"judge": judge}, ended=ended) as service:
        print(service.address(), flush=True)
        while True:
            service.dispatch(60000)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        pass
