"""libomnilink for Python (ctypes): where the connections of a program wanted to go.

    with omnilink.Redirector(client_pid=1234, port=16000) as flows:   # this process listens on 127.0.0.1:16000
        accepted, peer = listener.accept()
        where = flows.destination(accepted)                           # Destination(host="93.184.216.34", port=443, …), or None

`python3 omnilink.py CMD [ARG]…` runs CMD through a proxy that prints each destination and forwards it.
"""

import collections
import ctypes
import os
import socket
import subprocess
import sys
import threading

_library = ctypes.CDLL(os.environ.get("OMNILINK_LIBRARY", "libomnilink.so.0"))

OK, NOT_FOUND, AMBIGUOUS = 0, 31, 102
ACCEPT, CONNECT_REDIRECT, CONNECT_AUTH = 1, 2, 3
NO_ANSWER, CONTINUE, PERMIT, BLOCK, REJECT, TO, DIRECT, CHAIN, PEND = range(9)


class _Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("query_socket", ctypes.c_char_p)]


class _Redirect(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("port", ctypes.c_uint32), ("agent_pid", ctypes.c_uint32), ("incoming", ctypes.c_uint32),
                ("capture", ctypes.c_char_p)]


class _Service(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("timeout_ms", ctypes.c_uint32), ("config", ctypes.c_char_p), ("program", ctypes.c_char_p)]


class _Destination(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("status", ctypes.c_uint32), ("matches", ctypes.c_uint32), ("port", ctypes.c_uint32),
                ("host", ctypes.c_char * 256), ("original", ctypes.c_char * 128), ("source", ctypes.c_char * 128),
                ("generation", ctypes.c_uint64), ("connection", ctypes.c_uint64), ("age_ms", ctypes.c_uint64), ("closed_ms", ctypes.c_uint64),
                ("pid", ctypes.c_uint32), ("uid", ctypes.c_uint32), ("gid", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("process", ctypes.c_char * 16), ("exe", ctypes.c_char * 256), ("cgroup", ctypes.c_char * 256), ("chain", ctypes.c_char * 64)]


class _Question(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("layer", ctypes.c_uint32), ("token", ctypes.c_uint64), ("connection", ctypes.c_uint64),
                ("timeout_ms", ctypes.c_uint32), ("port", ctypes.c_uint32), ("host", ctypes.c_char * 256), ("destination", ctypes.c_char * 128),
                ("source", ctypes.c_char * 128), ("local", ctypes.c_char * 128), ("pid", ctypes.c_uint32), ("uid", ctypes.c_uint32),
                ("gid", ctypes.c_uint32), ("reserved", ctypes.c_uint32), ("process", ctypes.c_char * 16), ("exe", ctypes.c_char * 256),
                ("cgroup", ctypes.c_char * 256), ("listener", ctypes.c_char * 256), ("filter", ctypes.c_char * 256), ("callout", ctypes.c_char * 64)]


class _Answer(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("action", ctypes.c_uint32), ("port", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("host", ctypes.c_char * 256), ("chain", ctypes.c_char * 64)]


class _Verdict(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("code", ctypes.c_uint32), ("connection", ctypes.c_uint64), ("bytes_up", ctypes.c_uint64),
                ("bytes_down", ctypes.c_uint64), ("duration_ms", ctypes.c_uint64), ("step", ctypes.c_uint32), ("hop", ctypes.c_int32),
                ("system_errno", ctypes.c_uint32), ("reply", ctypes.c_uint32), ("lost", ctypes.c_uint32), ("port", ctypes.c_uint32),
                ("host", ctypes.c_char * 256), ("original", ctypes.c_char * 128), ("source", ctypes.c_char * 128), ("chain", ctypes.c_char * 64),
                ("rule", ctypes.c_char * 256), ("hop_name", ctypes.c_char * 256), ("text", ctypes.c_char * 512)]


_CALLOUT_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Question), ctypes.POINTER(_Answer))
_VERDICT_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Verdict))
_FLOW_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(_Destination))

_library.omnilink_version.restype = ctypes.c_char_p
_library.omnilink_last_error.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
_library.omnilink_last_error.restype = ctypes.c_size_t
_library.omnilink_unavailable_reason.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
_library.omnilink_unavailable_reason.restype = ctypes.c_size_t
_library.omnilink_open.argtypes = [ctypes.POINTER(_Options), ctypes.POINTER(ctypes.c_void_p)]
_library.omnilink_close.argtypes = [ctypes.c_void_p]
_library.omnilink_close.restype = None
_library.omnilink_redirect.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Redirect)]
_library.omnilink_lookup_port.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(_Destination)]
_library.omnilink_lookup_fd.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Destination)]
_library.omnilink_on_flow.argtypes = [ctypes.c_void_p, _FLOW_CALLBACK, ctypes.c_void_p]
_library.omnilink_service_start.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Service)]
_library.omnilink_service_address.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]
_library.omnilink_service_address.restype = ctypes.c_size_t
_library.omnilink_dispatch.argtypes = [ctypes.c_void_p, ctypes.c_uint32]

_library.omnilink_callout_add.argtypes = [ctypes.c_void_p, ctypes.c_char_p, _CALLOUT_CALLBACK, ctypes.c_void_p]
_library.omnilink_callout_complete.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(_Answer)]
_library.omnilink_on_verdict.argtypes = [ctypes.c_void_p, _VERDICT_CALLBACK, ctypes.c_void_p]

Destination = collections.namedtuple("Destination", "host port pid uid process generation")
Question = collections.namedtuple("Question", "callout layer host port pid uid process exe filter connection token")
Verdict = collections.namedtuple("Verdict", "code host port bytes_up bytes_down duration_ms text connection")


class Error(OSError):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def unavailable_reason():
    """Why this process cannot intercept here; empty: it can."""
    text = ctypes.create_string_buffer(512)
    _library.omnilink_unavailable_reason(text, len(text))
    return text.value.decode()


def _destination(raw):
    return Destination(raw.host.decode(), raw.port, raw.pid, raw.uid, os.fsdecode(raw.process), raw.generation)


def _fill(raw, answer):
    """An action, or one with what it needs: (TO, host, port), (CHAIN, name)."""
    action, *more = answer if isinstance(answer, tuple) else (answer,)
    raw.action = action
    if action == TO:
        raw.host, raw.port = more[0].encode(), more[1]
    if action == CHAIN:
        raw.chain = more[0].encode()


class Flows:
    """Asks a running service. query_socket: its own; None: where one has it; "": none is asked."""

    def __init__(self, query_socket=None):
        self._handle = ctypes.c_void_p()
        options = _Options(size=ctypes.sizeof(_Options), query_socket=None if query_socket is None else os.fsencode(query_socket))
        self._check(_library.omnilink_open(ctypes.byref(options), ctypes.byref(self._handle)))

    def close(self):
        handle, self._handle = self._handle, ctypes.c_void_p()
        _library.omnilink_close(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _check(self, code):
        if code != OK:
            text = ctypes.create_string_buffer(512)
            _library.omnilink_last_error(self._handle, text, len(text))
            raise Error(code, text.value.decode())

    def _ask(self, question, about):
        raw = _Destination(size=ctypes.sizeof(_Destination))
        code = question(self._handle, about, ctypes.byref(raw))
        if code in (NOT_FOUND, AMBIGUOUS):
            return None
        self._check(code)
        return _destination(raw)

    def destination(self, accepted):
        """Where an accepted connection wanted to go; None: nobody was sent to it."""
        return self._ask(_library.omnilink_lookup_fd, accepted.fileno())

    def destination_of_port(self, source_port):
        """Likewise, by its source port; None also where several come from that port."""
        return self._ask(_library.omnilink_lookup_port, source_port)

    def dispatch(self, timeout_ms=0):
        """Tells what has happened, in this thread; waits for it."""
        self._check(_library.omnilink_dispatch(self._handle, timeout_ms))


class Redirector(Flows):
    """What client_pid and its descendants open goes to a listener of this process on 127.0.0.1, until close().

    conditions: further ones, as "port=80,443". told: called as told(ended, Destination) by dispatch().
    """

    def __init__(self, client_pid, port, conditions="", told=None):
        super().__init__()
        capture = f"pid={client_pid}" + (f"&{conditions}" if conditions else "")
        options = _Redirect(size=ctypes.sizeof(_Redirect), port=port, capture=capture.encode())
        self._told = _FLOW_CALLBACK(lambda _, event, flow: told(event == 2, _destination(flow[0]))) if told else _FLOW_CALLBACK()
        try:
            self._check(_library.omnilink_redirect(self._handle, ctypes.byref(options)))
            self._check(_library.omnilink_on_flow(self._handle, self._told, None))
        except Error:
            self.close()
            raise


class Service(Flows):
    """A private `omnilink run` of this configuration (the text of a TOML file), until close(). program: where omnilink is; None: in PATH.

    callouts: code for its [[callout]]s of kind "library", by name: called as code(Question) by dispatch(), it returns PERMIT, REJECT, …,
    (TO, host, port), (CHAIN, name), or PEND, and then complete() has the answer. ended: likewise called as ended(Verdict).
    """

    def __init__(self, config, program=None, query_socket="", callouts=None, ended=None):
        super().__init__(query_socket)
        self._callbacks = []  # the library has only their addresses
        options = _Service(size=ctypes.sizeof(_Service), config=config.encode(), program=None if program is None else os.fsencode(program))
        try:
            for name, code in (callouts or {}).items():
                self._callbacks.append(_CALLOUT_CALLBACK(lambda _, asked, answer, code=code: _fill(answer[0], code(self._question(asked[0])))))
                self._check(_library.omnilink_callout_add(self._handle, name.encode(), self._callbacks[-1], None))
            if ended:
                self._callbacks.append(_VERDICT_CALLBACK(lambda _, verdict: ended(self._verdict(verdict[0]))))
                self._check(_library.omnilink_on_verdict(self._handle, self._callbacks[-1], None))
            self._check(_library.omnilink_service_start(self._handle, ctypes.byref(options)))
        except Error:
            self.close()
            raise

    @staticmethod
    def _question(raw):
        return Question(raw.callout.decode(), raw.layer, raw.host.decode(), raw.port, raw.pid, raw.uid, os.fsdecode(raw.process), os.fsdecode(raw.exe),
                        raw.filter.decode(), raw.connection, raw.token)

    @staticmethod
    def _verdict(raw):
        return Verdict(raw.code, raw.host.decode(), raw.port, raw.bytes_up, raw.bytes_down, raw.duration_ms, raw.text.decode(errors="replace"), raw.connection)

    def complete(self, token, answer):
        """The answer to a question whose callout has returned PEND; from any thread."""
        raw = _Answer(size=ctypes.sizeof(_Answer))
        _fill(raw, answer)
        self._check(_library.omnilink_callout_complete(self._handle, token, ctypes.byref(raw)))

    def address(self, listener=0):
        """Where it listens: "127.0.0.1:40312"."""
        text = ctypes.create_string_buffer(64)
        _library.omnilink_service_address(self._handle, listener, text, len(text))
        return text.value.decode()


def _forward(accepted, where):
    def copy(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other direction sees it, too

    with accepted, socket.create_connection((where.host, where.port)) as server:
        up = threading.Thread(target=copy, args=(accepted, server), daemon=True)
        up.start()
        copy(server, accepted)
        up.join()


def main(command):
    listener = socket.create_server(("127.0.0.1", 0))
    # It begins when it is intercepted.
    program = subprocess.Popen(["sh", "-c", 'read go && exec "$@" </dev/null', "sh", *command], stdin=subprocess.PIPE)
    with Redirector(program.pid, listener.getsockname()[1]) as flows:

        def serve():
            while True:
                accepted, _ = listener.accept()
                where = flows.destination(accepted)
                if where is None:
                    accepted.close()
                    continue
                print(where.host, where.port, flush=True)
                threading.Thread(target=_forward, args=(accepted, where), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        program.communicate(b"\n")
    return program.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
