"""A service of near's, whose port omnilink captures: it tells its clients who it takes them for, then sends back what they send."""

import socket
import threading


class local_service:
    """On every address, IPv4 and IPv6, at this port."""

    def __init__(self, port):
        self.listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        self.served = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, (who, *_) = self.listener.accept()
            except OSError:
                return
            self.served += 1
            threading.Thread(target=answer, args=(connection, who.removeprefix("::ffff:")), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def answer(connection, who):
    with connection:
        try:
            connection.sendall(f"service of {who}\n".encode())
            while data := connection.recv(4096):
                connection.sendall(data)
        except ConnectionError:
            pass  # its client has had enough
