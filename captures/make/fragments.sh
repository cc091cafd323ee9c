#!/bin/bash
# Makes fragments.pcap: fragments of UDP, ICMP and TCP in both families on dual-stack.yaml, between the internet and
# the front server: as the kernels make them, and by hand: out of order, without the first one, overlapping, too small.
# Packages: tcpdump iputils-ping hping3
# usage: fragments.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- tcpdump:tcpdump ping:iputils-ping hping3:hping3

dual_stack
cat > "$WORK/echo.py" << 'PY'
import socket, sys, threading
def serve(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)
for port in map(int, sys.argv[1:]):
    threading.Thread(target=serve, args=(port,)).start()
PY
spawn front python3 "$WORK/echo.py" 5140 5141 9999
spawn front python3 -m http.server --bind :: --directory "$WORK" 80
wait_port front ::1 80

# fragments.py ADDRESS SOURCE: datagrams that no ordinary program makes.
cat > "$WORK/fragments.py" << 'PY'
import random, socket, struct, sys, time

target, source = sys.argv[1], sys.argv[2]
six = ":" in target
family = socket.AF_INET6 if six else socket.AF_INET
raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
src, dst = socket.inet_pton(family, source), socket.inet_pton(family, target)
number = 0x5000

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF

def pseudo(protocol, body):
    return src + dst + (struct.pack("!II", len(body), protocol) if six else struct.pack("!BBH", 0, protocol, len(body)))

def udp(port, size, source_port=5555):
    body = struct.pack("!HHHH", source_port, port, 8 + size, 0) + bytes(i % 251 for i in range(size))
    return body[:6] + struct.pack("!H", checksum(pseudo(17, body) + body)) + body[8:]

def echo(size):
    kind = 128 if six else 8
    body = struct.pack("!BBHHH", kind, 0, 0, 77, 1) + bytes(size)
    return body[:2] + struct.pack("!H", checksum((pseudo(58, body) if six else b"") + body)) + body[4:]

def syn(port, size):
    body = struct.pack("!HHIIBBHHH", 6666, port, 1000, 0, 5 << 4, 2, 64000, 0, 0) + bytes(size)
    return body[:16] + struct.pack("!H", checksum(pseudo(6, body) + body)) + body[18:]

def piece(ident, protocol, body, offset, end, more):
    if six:
        extension = struct.pack("!BBHI", protocol, 0, offset | more, ident)
        return struct.pack("!IHBB", 6 << 28, 8 + end - offset, 44, 64) + src + dst + extension + body[offset:end]
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + end - offset, ident, more << 13 | offset >> 3, 64, protocol, 0) + src + dst + body[offset:end]

def split(protocol, body, sizes=(1448, 1448)):
    """The pieces of one datagram; what the sizes leave over is the last one."""
    global number
    number += 1
    pieces, at = [], 0
    for size in sizes:
        pieces.append(piece(number, protocol, body, at, at + size, 1))
        at += size
    pieces.append(piece(number, protocol, body, at, len(body), 0))
    return pieces

def send(pieces, pause=0.01):
    for p in pieces:
        raw.sendto(p, (target, 0))
        time.sleep(pause)
    time.sleep(0.05)

icmp = 58 if six else 1
for port in (5140, 5141, 9999):
    for source_port in (5001, 5002):
        send(split(17, udp(port, 4000, source_port)))            # in order
        send(split(17, udp(port, 4000, source_port))[::-1])      # last one first: the first comes too late
        p = split(17, udp(port, 4000, source_port)); send([p[0], p[2], p[1]])   # the later ones swapped
        send(split(17, udp(port, 4000, source_port))[1:])        # the first one is lost
        send(split(17, udp(port, 4000, source_port))[:1])        # all but the first are lost
send(split(icmp, echo(4000)))
send(split(icmp, echo(4000))[::-1])
send(split(icmp, echo(4000))[1:])
# Two datagrams in each other's midst.
a, b = split(17, udp(5140, 4000, 5003)), split(17, udp(5141, 4000, 5004))
send([a[0], b[0], b[1], a[1], a[2], b[2]])
# The same fragment twice, and one that overlaps another.
p = split(17, udp(5140, 4000, 5005)); send([p[0], p[1], p[1], p[2]])
number += 1
body = udp(5140, 4000, 5006)
send([piece(number, 17, body, 0, 1448, 1), piece(number, 17, body, 1440, 2888, 1), piece(number, 17, body, 2888, len(body), 0)])
# A first fragment of eight bytes holds all of UDP's header, and less than TCP's.
send(split(17, udp(5140, 400, 5007), (8, 16)))
send(split(6, syn(80, 100), (8, 16)))
send(split(6, syn(80, 100), (24, 48)))
send(split(6, syn(8443, 100), (24, 48)))
if six:
    # One fragment that is the whole datagram.
    send([piece(0x7001, 17, udp(5140, 100, 5008), 0, 108, 0), piece(0x7002, 17, udp(5141, 100, 5009), 0, 108, 0)])
PY

capture rtr "$WORK/fragments.pcap" -i ext
say_udp() { inside inet python3 -c 'import socket, sys
a, p = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.5); s.bind((sys.argv[3], 0))
for i in range(2):
    s.sendto(b"x" * 8000, (a, p))
    try: s.recv(9000)
    except OSError: pass' "$1" "$2" "$3"; }

front4=10.1.1.10 front6=2001:db8:1:1::10
# Made by the kernels: 4,000 bytes of ping, 8,000 bytes of UDP (5140 open, 5141 closed by the group, 9999 by the ACL).
inside inet ping -q -c 4 -i 0.1 -s 4000 -I 198.51.100.10 $front4 > /dev/null
inside inet ping -q -c 4 -i 0.1 -s 4000 -I 2001:db8:f00::10 $front6 > /dev/null
inside front ping -q -c 2 -i 0.1 -s 4000 198.51.100.11 > /dev/null
inside front ping -q -c 2 -i 0.1 -s 4000 2001:db8:f00::11 > /dev/null
for port in 5140 5141 9999; do
    say_udp $front4 $port 198.51.100.12
    say_udp $front6 $port 2001:db8:f00::12
done
inside inet python3 "$WORK/fragments.py" $front4 198.51.100.13
inside inet python3 "$WORK/fragments.py" $front6 2001:db8:f00::13
# SYNs cut into pieces by hping3: 16 bytes each, less than a TCP header.
inside inet hping3 -q -c 3 -i u50000 -a 198.51.100.14 -S -p 80 -f -d 64 $front4 > /dev/null 2>&1 || true
# Ordinary traffic in between.
inside inet ping -q -c 3 -i 0.1 -I 198.51.100.15 $front4 > /dev/null
# A kernel that misses the first fragment of an echo says so after 30 s; nobody waits for that here.
end_capture
finish "$WORK/fragments.pcap" fragments.pcap
