#!/bin/bash
# Makes tcp-lifecycle.pcapng.zst: how TCP connections begin, idle and end, between the internet and the web server of
# three-tier.yaml: keep-alives, aborts, half-closed ones, refusals, silence, crossing FINs and SYNs, ports used again,
# connections that were there before the capture, stray segments, losses. 128 bytes of each packet are kept.
# The way to the internet takes 30 ms each way, so that segments can cross.
# Packages: wireshark-common hping3 zstd
# usage: tcp-lifecycle.sh [--install]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
begin "$@" -- dumpcap:wireshark-common hping3:hping3 zstd:zstd

SLOW=yes three_tier

cat > "$WORK/server.py" << 'PY'
# The first line that a client sends says how the server behaves.
import socket, struct, sys, threading, time

def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()

def serve(s):
    try:
        words = s.makefile("rb", buffering=0).readline().decode().split()
        what = words[0] if words else "echo"
        if what == "echo":                       # until the client closes
            while data := s.recv(65536):
                s.sendall(data)
        elif what == "first":                    # the server closes first
            s.sendall(b"bye\n")
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        elif what == "abort":
            s.sendall(b"no\n")
            time.sleep(0.2)
            return abort(s)
        elif what == "half":                     # goes on talking after the client's FIN
            while s.recv(65536):
                pass
            for i in range(8):
                s.sendall(b"still here %d\n" % i)
                time.sleep(0.25)
        elif what == "at":                       # closes at a given moment
            s.sendall(b"ready\n")
            time.sleep(max(0, float(words[1]) - time.time()))
        elif what == "bulk":
            s.sendall(b"x" * int(words[1]))
        elif what == "speak":                    # the server speaks, now and then
            for i in range(int(words[1])):
                time.sleep(1)
                s.sendall(b"news %d\n" % i)
            while s.recv(65536):
                pass
        s.close()
    except OSError:
        s.close()

for port in map(int, sys.argv[2:]):
    l = socket.create_server((sys.argv[1], port), backlog=64)
    def loop(l=l):
        while True:
            threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
    threading.Thread(target=loop).start()
PY
cat > "$WORK/client.py" << 'PY'
import socket, struct, sys, threading, time

WEB = "10.0.1.10"

def connect(host, port=80, source_port=0, timeout=8):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((f"198.51.100.{host}", source_port))
    s.settimeout(timeout)
    s.connect((WEB, port))
    return s

def drain(s):
    while s.recv(65536):
        pass

def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()

def talk(s, times=3, pause=0.1):
    for i in range(times):
        s.sendall(b"line %d\n" % i)
        s.recv(100)
        time.sleep(pause)

def polite(host):                                # the client closes, the server answers with its FIN
    s = connect(host); s.sendall(b"echo\n"); talk(s); s.shutdown(socket.SHUT_WR); drain(s); s.close()

def server_first(host, source_port=0):
    s = connect(host, source_port=source_port); s.sendall(b"first\n"); drain(s); s.close()

def keep_alive(host):                            # idle for 10 s, a probe every second
    s = connect(host)
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 5)):
        s.setsockopt(socket.IPPROTO_TCP, option, value)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.sendall(b"echo\n"); talk(s, 1); time.sleep(10); talk(s, 1); s.close()

def client_abort(host, source_port=0):
    s = connect(host, source_port=source_port); s.sendall(b"echo\n"); talk(s, 2); abort(s)

def server_abort(host):
    s = connect(host); s.sendall(b"abort\n")
    try: drain(s)
    except OSError: pass
    s.close()

def half_closed(host):
    s = connect(host); s.sendall(b"half\n"); time.sleep(0.1); s.shutdown(socket.SHUT_WR); drain(s); s.close()

def crossing_fins(host):
    s = connect(host); at = time.time() + 0.6; s.sendall(b"at %.6f\n" % at); s.recv(100)
    time.sleep(max(0, at - time.time())); s.close()

def fails(host, port, timeout=4):                # refused, or no answer
    try: connect(host, port, timeout=timeout).close()
    except OSError: pass

def again(host, source_port):                    # one port, three connections: aborted, closed by the server, closed
    client_abort(host, source_port); server_first(host, source_port); time.sleep(0.3)
    s = connect(host, source_port=source_port); s.sendall(b"echo\n"); talk(s, 1); s.close()

def bulk(host, size):
    s = connect(host); s.sendall(b"bulk %d\n" % size); drain(s); s.close()

def forbidden(host, port):                       # the topology denies it; here it works
    s = connect(host, port); s.sendall(b"echo\n"); talk(s, 2); s.close()

def crossing_syns(at):                           # both ends call each other, from 443 to 443
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((sys.argv[2], 443)); s.settimeout(5)
    time.sleep(max(0, at - time.time())); s.connect((sys.argv[3], 443))
    s.sendall(b"hello\n"); s.recv(100); time.sleep(0.3); s.close()

def before():                                    # connections that are older than the capture
    mid = [connect(90 + n, p) for n, p in ((0, 80), (1, 80), (2, 80), (3, 8080))]
    mid[0].sendall(b"echo\n"); mid[1].sendall(b"speak 6\n"); mid[2].sendall(b"echo\n"); mid[3].sendall(b"echo\n")
    talk(mid[0], 1); talk(mid[3], 1)
    print("up", flush=True)
    time.sleep(4.5)
    talk(mid[0]); mid[0].shutdown(socket.SHUT_WR); drain(mid[0])   # the client speaks first after the start
    abort(mid[2])                                                   # the first that the capture sees is a RST
    talk(mid[3], 2)                                                 # a port that no rule admits
    time.sleep(1.5); mid[1].sendall(b"thanks\n"); time.sleep(2)     # the server has been speaking alone
    for s in mid: s.close()

if sys.argv[1] == "before":
    before()
elif sys.argv[1] == "lossy":
    bulk(59, 60000)
    bulk(60, 60000)
elif sys.argv[1] == "syns":
    crossing_syns(float(sys.argv[4]))
else:
    jobs = [(keep_alive, 10), (keep_alive, 11)]
    jobs += [(polite, n) for n in range(12, 20)] + [(server_first, n) for n in range(20, 24)]
    jobs += [(client_abort, n) for n in range(24, 28)] + [(server_abort, n) for n in range(28, 32)]
    jobs += [(half_closed, n) for n in range(32, 35)] + [(crossing_fins, n) for n in range(35, 40)]
    jobs += [(fails, n, 443) for n in range(42, 46)]                # nobody listens there: RST
    jobs += [(fails, 77, 80), (fails, 77, 443)]                     # the web server does not know the way back: silence
    jobs += [(fails, 66, 80)] * 2 + [(forbidden, 50, 8080), (forbidden, 51, 8080), (forbidden, 66, 80)]
    jobs += [(again, 55, 40055), (again, 56, 40056), (bulk, 57, 200000), (bulk, 58, 60000)]
    threads = [threading.Thread(target=job[0], args=job[1:]) for job in jobs]
    for t in threads:
        t.start(); time.sleep(0.05)
    for t in threads:
        t.join(20)
PY
spawn web python3 "$WORK/server.py" 10.0.1.10 80 8080
wait_port web 10.0.1.10 80
wait_port web 10.0.1.10 8080
inside web ip route add blackhole 198.51.100.77/32

ip netns exec "$PREFIX-inet" timeout 40 python3 "$WORK/client.py" before > "$WORK/before" &
PIDS+=($!)
await_log "$WORK/before" up
capture_ng rtr "$WORK/life.pcapng" -i ext -s 128

inside inet python3 "$WORK/client.py" all
# A burst of losses on the way to a client.
kill -USR1 "$WIRE_PID"
inside inet python3 "$WORK/client.py" lossy
kill -USR1 "$WIRE_PID"
# SYNs that cross.
at=$(python3 -c 'import time; print(time.time() + 1.5)')
inside web python3 "$WORK/client.py" syns 10.0.1.10 198.51.100.41 "$at" &
inside inet python3 "$WORK/client.py" syns 198.51.100.41 10.0.1.10 "$at" &
settle
# Stray segments of no connection: ACK, FIN, RST, SYN+ACK, to a port that is open and to one that is not.
for port in 80 8080; do
    for flags in -A -F -R '-S -A'; do
        # shellcheck disable=SC2086
        inside inet hping3 -q -c 2 -i u50000 -a 198.51.100.80 -p $port $flags 10.0.1.10 > /dev/null 2>&1 || true
    done
done
end_capture
anonymous "$WORK/life.pcapng"
zstd -q -19 "$WORK/life.pcapng"
finish "$WORK/life.pcapng.zst" tcp-lifecycle.pcapng.zst
