"""Checks the house rules of ARCHITECTURE.md on every file of the tree, one line per breach, exit code 1 if there is one.

    tidy.py [ROOT]

Every file's own includes are held against the table; since each file is checked, so is what they include in turn.
"""

import os
import re
import sys

# Who may include whom. A room may always include itself.
ROOMS = {
    "core": set(),
    "wire": {"core"},
    "io": {"wire", "core"},
    "nat": {"core"},
    "interceptor": {"io", "wire", "core", "nat"},
    "chain": {"io", "wire", "core"},
    "actors": {"interceptor", "chain", "io", "wire", "core", "nat"},
    "cli": {"actors", "interceptor", "chain", "io", "wire", "core", "nat"},
    "capi": {"interceptor", "io", "wire", "core", "nat"},
}

# Libraries that live in one room only.
HOMES = {
    "caf/": ("CAF", {"actors"}),
    "openssl/": ("OpenSSL", {"io"}),
    "boost/asio/ssl": ("OpenSSL", {"io"}),
    "nftables/": ("libnftables", {"interceptor"}),
    "bpf/": ("libbpf", {"interceptor"}),
    "prometheus/": ("prometheus-cpp", {"actors"}),
    "spdlog/": ("spdlog", {"io"}),
}

# Headers that exist on Linux or belong to its sockets, and the only files outside of io/ and interceptor/ that need them.
LINUX = re.compile(r"(linux|net|netinet|arpa|bits|asm)/|sys/(socket|un|epoll|eventfd|signalfd|timerfd|prctl|mount|"
                   r"syscall|sendfile|inotify)\.h|(ifaddrs|netdb|sched|grp)\.h")
LINUX_ROOMS = {"io", "interceptor"}
LINUX_FILES = re.compile(r"(actors/(service|query_\w+)|cli/exec_\w+|capi/\w+)\.[ch]pp")
POSIX = re.compile(r"sys/\w+\.h|(unistd|fcntl|poll|pthread|signal|termios|pwd|dlfcn|spawn)\.h")

# Bytes in, bytes out: no sockets, threads or clocks.
PURE = re.compile(r"(core|wire|nat|interceptor/filter)/|interceptor/ruleset(_\w+)?\.|chain/(hop|chain|route|policy|health)\.")
FILTER = "interceptor/filter/"  # a room within a room, on core/ alone
IMPURE_INCLUDE = re.compile(r"(thread|mutex|shared_mutex|condition_variable|future|fstream|iostream)$|boost/asio|spdlog/")
CLOCK_FILE = "core/clock.hpp"  # the one place that reads it
MEMORY_FILES = ("core/large_pages.cpp", "core/reserved_pages.cpp")  # ask the kernel for memory of their own
CLOCK = re.compile(r"clock::now\s*\(|\b(clock_gettime|gettimeofday)\s*\(")

# g++ 12 destroys what the half of a condition that was not taken would have waited for, though it never was made.
CONDITIONAL_WAIT = re.compile(r"(&&|\|\||\?)\s*!?\s*co_await\b")

CODE_LINES_MAX = 500  # a longer file has more than one purpose
CODE = (".cpp", ".hpp", ".h", ".c", ".py", ".cmake", ".sh")
TEXT = CODE + (".md", ".txt", ".toml", ".json")
SKIPPED_FOLDERS = {".git", ".cache", "build", "corpus", "__pycache__"}

INCLUDE = re.compile(r"\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")
# A path of one person's machine says nothing to anybody else.
PRIVATE_PATH = re.compile(r"/home/\w+/|/w[o]rk/\w|\.\./shar[e]d/|/tmp/b-\w")


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS)
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(TEXT) or name in ("run", ".clang-format", ".clang-tidy"):
                yield os.path.relpath(path, root)


def check_include(path, included, quoted):
    """Yields what is wrong with this include in this file."""
    room = path.split("/")[0]
    if room not in ROOMS:
        return
    if quoted:
        other = included.split("/")[0]
        if "/" not in included:
            yield f'"{included}" is written without its room'
        elif other not in ROOMS:
            yield f'"{included}" is in no room'
        elif other != room and other not in ROOMS[room]:
            yield f"{room}/ may not include {other}/"
        elif path.startswith(FILTER) and not included.startswith((FILTER, "core/")):
            yield f"{FILTER} may include core/ only"
        return
    for prefix, (library, homes) in HOMES.items():
        if included.startswith(prefix) and room not in homes:
            yield f"{library} belongs to {', '.join(sorted(homes))}/ only"
    pure = PURE.match(path)
    if path in MEMORY_FILES and included in ("sys/mman.h", "unistd.h"):
        return
    if pure and (IMPURE_INCLUDE.match(included) or LINUX.match(included) or POSIX.match(included)):
        yield f"<{included}> in a pure file: no sockets, threads or clocks here"
    elif LINUX.match(included) and room not in LINUX_ROOMS and not LINUX_FILES.match(path):
        yield f"<{included}> is a Linux header; they stay in io/ and interceptor/"


def check_line(path, line):
    if line != line.rstrip():
        yield "trailing whitespace"
    if "\t" in line:
        yield "a tab"
    if PRIVATE_PATH.search(line):
        yield "a path of one machine"
    if path.endswith((".cpp", ".hpp")):
        if path.endswith(".hpp") and line.startswith("namespace {"):
            yield "an unnamed namespace in a header: another one in every file"
        include = INCLUDE.match(line)
        if include:
            yield from check_include(path, include[2], include[1] == '"')
        if PURE.match(path) and path != CLOCK_FILE and CLOCK.search(line.split("//")[0]):
            yield "a clock in a pure file: time is an argument"
        if CONDITIONAL_WAIT.search(line.split("//")[0]):
            yield "a co_await in one half of a condition: give it a statement of its own"


def check_file(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as text:
        lines = text.read().split("\n")
    if lines[-1] != "":
        yield f"{path}:{len(lines)}: no newline at the end"
    else:
        lines.pop()
    if len(lines) > CODE_LINES_MAX and path.endswith(CODE):
        yield f"{path}:{len(lines)}: more than {CODE_LINES_MAX} lines"
    if path.endswith(".hpp") and "#pragma once" not in lines:
        yield f"{path}:1: no #pragma once"
    for number, line in enumerate(lines, 1):
        for breach in check_line(path, line):
            yield f"{path}:{number}: {breach}"


def breaches(root):
    for path in files(root):
        yield from check_file(root, path)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    found = list(breaches(root))
    for breach in found:
        print(f"tidy: {breach}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
