#!/usr/bin/env python3
"""Captures what this directory holds, from the running kernel, in a network namespace of its own:
unshare --net ./capture.py. Needs root, nft and conntrack. What the tests expect of it is in them."""

import pathlib
import socket
import struct
import subprocess

HERE = pathlib.Path(__file__).parent
NETLINK_NETFILTER = 12
CTNETLINK, GET, GET_STATS_CPU, GET_STATS = 1, 1, 4, 5
REQUEST, DUMP = 0x1, 0x300


def run(command, script=None):
    subprocess.run(command.split(), input=script, text=True, check=True)


def ask(name, command, flags):
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        message_type = CTNETLINK << 8 | command
        kernel.send(struct.pack("=LHHLLBBH", 20, message_type, REQUEST | flags, 1, 0, 0, 0, 0))
        (HERE / f"{name}.bin").write_bytes(kernel.recv(32768))


run("ip link set lo up")
run("nft -f -", "table inet t { chain c { type filter hook output priority 0; ct state new counter; }; }")

listener = socket.create_server(("127.0.0.1", 5000))
established = socket.create_connection(("127.0.0.1", 5000))
half_closed = socket.create_connection(("127.0.0.1", 5000))
half_closed.shutdown(socket.SHUT_WR)
listener6 = socket.create_server(("::1", 5000), family=socket.AF_INET6)
established6 = socket.create_connection(("::1", 5000))

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 5001))
for answered in (True, False):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.sendto(b"?", ("127.0.0.1", 5001))
    if answered:
        server.sendto(b"!", server.recvfrom(1)[1])

for family, protocol, address, request in (
    (socket.AF_INET, socket.IPPROTO_ICMP, "127.0.0.1", struct.pack("!BBHHH", 8, 0, 0xF7F6, 7, 2)),
    (socket.AF_INET6, socket.IPPROTO_ICMPV6, "::1", struct.pack("!BBHHH", 128, 0, 0, 7, 2)),
):
    with socket.socket(family, socket.SOCK_RAW, protocol) as ping:
        ping.sendto(request, (address, 0))
# For the counters: TCP segments without any flag are invalid, an ICMP error about a packet that
# nobody sent is an error.
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as tcp:
    for _ in range(3):
        tcp.sendto(struct.pack("!HHLLBBHHH", 1, 2, 0, 0, 5 << 4, 0, 0, 0, 0), ("127.0.0.1", 0))
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
    lost = struct.pack("!BBHHHBBH4s4sHHHH", 0x45, 0, 28, 0, 0, 64, 17, 0, b"\xc0\0\2\1",
                       b"\xc0\0\2\3", 1, 2, 8, 0)
    icmp.sendto(struct.pack("!BBHL", 3, 1, 0, 0) + lost, ("127.0.0.1", 0))

ADDRESSES = "-s 192.0.2.1 -d 192.0.2.2 -t 60"
PORTS = "--orig-port-src 1 --orig-port-dst 2"
run(f"conntrack -I -p udp {PORTS} -u ASSURED,SEEN_REPLY {ADDRESSES}")
run(f"conntrack -I -p tcp {PORTS} --state LISTEN -u SEEN_REPLY {ADDRESSES}")
run(f"conntrack -I -p sctp {PORTS} --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 {ADDRESSES}")
run(f"conntrack -I -p gre --srckey 1 --dstkey 2 {ADDRESSES}")
run(f"conntrack -I -p ipencap {ADDRESSES}")

ask("stats", GET_STATS, 0)
ask("stats_cpu", GET_STATS_CPU, DUMP)
ask("flows", GET, DUMP)
(HERE / "proc_net_stat_nf_conntrack.txt").write_text(
    pathlib.Path("/proc/net/stat/nf_conntrack").read_text())
run("conntrack -L")
run("conntrack -L -f ipv6")
run("conntrack -S")
