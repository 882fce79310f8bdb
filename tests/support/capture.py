"""Every packet on the cable between omnilink and the rest of the world, decoded as far as a leak test needs it."""

import socket
import struct
import threading

ETH_P_ALL, ETH_P_IPV4, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
PACKET_OUTGOING = 4
HOP_BY_HOP = "0"  # only multicast reports begin with it
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


class capture:
    """with capture("near0") as c: …; then c.sent(): {(protocol, address, port)} of all that went out."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.settimeout(0.2)
        self.packets, self.ending = set(), False
        self.thread = threading.Thread(target=self.read)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        self.socket.close()

    def read(self):
        while True:
            try:
                frame, (_, _, direction, _, _) = self.socket.recvfrom(65536)
            except TimeoutError:
                # Quiet for a while, so whatever was sent before the end has been read.
                if self.ending:
                    return
                continue
            if direction == PACKET_OUTGOING:
                self.packets.add(decode(frame))

    def sent(self):
        # Neighbour discovery and multicast reports are the kernel's own.
        return {p for p in self.packets if p is not None and p[0] not in ("icmp6", HOP_BY_HOP)}


def decode(frame):
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == ETH_P_IPV4:
        protocol, address = frame[23], socket.inet_ntop(socket.AF_INET, frame[30:34])
        transport = 14 + (frame[14] & 15) * 4
    elif kind == ETH_P_IPV6:
        protocol, address, transport = frame[20], socket.inet_ntop(socket.AF_INET6, frame[38:54]), 54
    else:
        return None
    port = struct.unpack("!H", frame[transport + 2:transport + 4])[0] if protocol in (6, 17) else 0
    return PROTOCOLS.get(protocol, str(protocol)), address, port
