#!/usr/bin/env python3
"""What a live run endures: `dataplane run` as a bump in the wire, real programs at both ends, and trouble.

    bench/peers/endure.py reload [--reloads 1000] [--seconds 60] [--pps 200000] [--flows 1000] [--io xdp]
        A topology with rules never seen before every 60 ms, under UDP and TCP that every one of them admits, and UDP that every second one admits.
        Says: packets lost, verdicts that are of neither the old nor the new rules, connections that broke, memory, the delay of pings beside the same without reloads.

    bench/peers/endure.py flood [--seconds 600] [--pps 100000] [--flows 100] [--io xdp]
        SYNs of random sources to an open port, beside connections and pings that must go on.
        Says: connections that broke, pings lost, memory over time, whether the counters of the summary add up.

    gen --g0==outside-- mid --inside==s0-- sink        three network namespaces; mid holds the program

Root, Linux, iproute2, ethtool, gcc, ping, the .NET SDK. Exit code 1 when something was lost or broke.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PROGRAM = os.path.join(ROOT, "artifacts", "bench", "dataplane.dll")
SPACES = {name: f"dpendure-{name}" for name in ("gen", "mid", "sink")}
SERVER, CLIENT = "10.99.2.10", "198.51.100.0"
OPEN, TOGGLED, CONNECTED = 9000, 9001, 5201

ECHO = """
import asyncio, sys
async def serve(reader, writer):
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()
async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]), backlog=4096)
    await server.serve_forever()
asyncio.run(main())
"""

CONNECTIONS = """
import asyncio, sys
host, port, count, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
alive = broken = exchanged = 0
async def one(number):
    global alive, broken, exchanged
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 20)
        alive += 1
        while True:
            writer.write(b"%08d" % number)
            await asyncio.wait_for(reader.readexactly(8), 20)
            exchanged += 1
            await asyncio.sleep(pause)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        broken += 1
async def main():
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(one(number)))
        await asyncio.sleep(0.002)
    while True:
        await asyncio.sleep(0.2)
        print(alive, broken, exchanged, flush=True)
asyncio.run(main())
"""


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True)


def within(space, *words):
    return ["ip", "netns", "exec", SPACES[space], *words]


class Lab:
    def __init__(self, io, options):
        self.folder = tempfile.mkdtemp(prefix="dataplane-endure-")
        self.processes = []
        try:
            self.build(io, options)
        except BaseException:
            self.close()
            raise

    def build(self, io, options):
        self.traffic = os.path.join(self.folder, "traffic")
        run("gcc", "-O2", "-o", self.traffic, os.path.join(HERE, "live_traffic.c"))
        for space in SPACES.values():
            run("ip", "netns", "delete", space, check=False)
            run("ip", "netns", "add", space)
        run("ip", "-n", SPACES["mid"], "link", "add", "outside", "type", "veth", "peer", "name", "g0", "netns", SPACES["gen"])
        run("ip", "-n", SPACES["mid"], "link", "add", "inside", "type", "veth", "peer", "name", "s0", "netns", SPACES["sink"])
        for space, device in (("gen", "g0"), ("mid", "outside"), ("mid", "inside"), ("sink", "s0")):
            run(*within(space, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1"))
            run(*within(space, "ethtool", "-K", device, "tx", "off", "gso", "off", "tso", "off"), check=False)
            run("ip", "-n", SPACES[space], "link", "set", device, "up")
        mac = lambda space, device: run(*within(space, "cat", f"/sys/class/net/{device}/address")).stdout.strip()
        self.far = mac("sink", "s0")
        for space, device, own, other, hardware in (("gen", "g0", CLIENT, SERVER, self.far), ("sink", "s0", SERVER, CLIENT, mac("gen", "g0"))):
            run("ip", "-n", SPACES[space], "address", "add", f"{own}/32", "dev", device)
            run("ip", "-n", SPACES[space], "route", "add", "default", "dev", device)
            run("ip", "-n", SPACES[space], "neigh", "add", other, "lladdr", hardware, "dev", device, "nud", "permanent")
        self.topology = os.path.join(self.folder, "vpc.json")
        self.write(0)
        self.summary = os.path.join(self.folder, "summary.json")
        self.said = os.path.join(self.folder, "said")
        words = within("mid", "dotnet", PROGRAM, "run", "-t", self.topology, "--quotas", "ignore", "--bridge", "outside:inside", "--io", io, "--summary", self.summary, *options)
        self.engine = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=open(self.said, "w"), text=True)
        self.processes.append(self.engine)
        self.until(lambda: "Running on" in self.log(), "the program did not start")

    def write(self, number):
        """A topology; the rules for single addresses are never the same twice, and TOGGLED is open in every second one."""
        rules = [{"IpProtocol": "udp", "FromPort": 20000 + i, "ToPort": 20000 + number % 20000, "CidrIp": f"192.0.{number % 250}.{i}/32"} for i in range(0, 20) if 20000 + i <= 20000 + number % 20000]
        rules += [{"IpProtocol": "udp", "FromPort": OPEN, "ToPort": OPEN, "CidrIp": "198.51.0.0/16"}, {"IpProtocol": "tcp", "FromPort": CONNECTED, "ToPort": CONNECTED, "CidrIp": "198.51.0.0/16"},
                  {"IpProtocol": "tcp", "FromPort": OPEN, "ToPort": OPEN, "CidrIp": "198.51.0.0/16"}, {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "198.51.0.0/16"}]
        if number % 2 == 0:
            rules.append({"IpProtocol": "udp", "FromPort": TOGGLED, "ToPort": TOGGLED, "CidrIp": "0.0.0.0/0"})
        ref = lambda name: {"Ref": name}
        thing = lambda kind, **properties: {"Type": "AWS::EC2::" + kind, "Properties": properties}
        resources = {
            "Vpc": thing("VPC", CidrBlock="10.99.0.0/16"), "Gateway": thing("InternetGateway"),
            "Attachment": thing("VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
            "Subnet": thing("Subnet", VpcId=ref("Vpc"), CidrBlock="10.99.2.0/24"), "Routes": thing("RouteTable", VpcId=ref("Vpc")),
            "Default": thing("Route", RouteTableId=ref("Routes"), DestinationCidrBlock="0.0.0.0/0", GatewayId=ref("Gateway")),
            "Association": thing("SubnetRouteTableAssociation", SubnetId=ref("Subnet"), RouteTableId=ref("Routes")),
            "Group": thing("SecurityGroup", GroupDescription="endure", VpcId=ref("Vpc"), SecurityGroupIngress=rules),
            "Host": thing("NetworkInterface", SubnetId=ref("Subnet"), PrivateIpAddress=SERVER, GroupSet=[ref("Group")]),
            "Address": thing("EIP", Domain="vpc"),
            "Public": thing("EIPAssociation", AllocationId={"Fn::GetAtt": ["Address", "AllocationId"]}, NetworkInterfaceId=ref("Host"))}
        with open(self.topology + ".new", "w") as file:
            json.dump({"Resources": resources}, file)
        os.replace(self.topology + ".new", self.topology)

    def start(self, space, *words, **more):
        process = subprocess.Popen(within(space, *words), text=True, **more)
        self.processes.append(process)
        return process

    def log(self):
        with open(self.said) as file:
            return file.read()

    def resident(self):
        with open(f"/proc/{self.engine.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024

    @staticmethod
    def until(condition, otherwise, longest=60):
        end = time.time() + longest
        while not condition():
            if time.time() > end:
                raise RuntimeError(otherwise)
            time.sleep(0.01)

    def stop(self):
        self.engine.terminate()
        self.engine.communicate(timeout=60)
        with open(self.summary) as file:
            return json.load(file)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        for space in SPACES.values():
            run("ip", "netns", "delete", space, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


class Last:
    """The last line that a program printed."""

    def __init__(self, process):
        self.line = ""
        self.process = process
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.line = line


def pings(text):
    times = sorted(float(t) for t in re.findall(r"time=([\d.]+) ms", text))
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else float("nan")
    sent = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    return f"p50 {at(0.5):.0f} us, p99 {at(0.99):.0f} us, worst {at(1):.0f} us", int(sent.group(1)) - int(sent.group(2)) if sent else -1


def connections(lab, count, pause=1.0):
    lab.start("sink", "python3", "-c", ECHO, SERVER, str(CONNECTED), stderr=subprocess.DEVNULL)
    time.sleep(1)
    last = Last(lab.start("gen", "python3", "-c", CONNECTIONS, SERVER, str(CONNECTED), str(count), str(pause), stdout=subprocess.PIPE))
    lab.until(lambda: last.line.startswith(f"{count} 0 "), f"not all of {count} connections came up: {last.line}")
    return last


def ping(lab, seconds):
    every = 0.01    # below that ping does not sleep
    return lab.start("gen", "ping", "-i", str(every), "-c", str(int(seconds / every)), "-W", "2", SERVER, stdout=subprocess.PIPE)


def udp(lab, seconds, rate, port, sources=1, ports=64, kind="udp"):
    words = ("send", "g0", str(seconds), str(rate), kind, CLIENT, str(sources), str(ports), SERVER, str(port), lab.far)
    return lab.start("gen", lab.traffic, *words, stdout=subprocess.PIPE)


def forwarded_to(lab):
    """UDP datagrams that the sink's kernel got on its two ports, and those that found no room."""
    text = run(*within("sink", "cat", "/proc/net/snmp")).stdout
    keys, values = [line.split()[1:] for line in text.splitlines() if line.startswith("Udp:")]
    row = dict(zip(keys, map(int, values)))
    return row["InDatagrams"] + row["NoPorts"] + row["InErrors"]


def add_up(summary, filtered=False):
    """With --filter only selected packets are counted by verdict, so those are left out then."""
    frames = summary["frames"]
    fates = sum(value for key, value in frames.items() if key != "received")
    ports = sum(port["received"] for port in summary["interfaces"])
    verdicts = sum(summary["packets"].values())
    ok = frames["received"] == fates == ports and (filtered or verdicts == fates)
    print(f"counters: {frames['received']} received = {fates} by fate = {ports} by interface{'' if filtered else f' = {verdicts} by verdict'}: {'they add up' if ok else 'THEY DO NOT ADD UP'}")
    return ok


def reload(options):
    records = os.path.join(tempfile.gettempdir(), f"dataplane-endure-{os.getpid()}.jsonl")
    lab = Lab(options.io, ["--packets", records, "--filter", f"udp port {TOGGLED}"])
    try:
        # Who listens on the ports decides nothing here; the kernel counts what came.
        tcp = connections(lab, options.flows)
        quiet = ping(lab, 5)
        background = udp(lab, 5, options.pps, OPEN)
        before, _ = pings(quiet.communicate()[0])
        background.communicate()
        time.sleep(1)
        arrived = forwarded_to(lab)
        flow, toggled, probe = udp(lab, options.seconds, options.pps, OPEN), udp(lab, options.seconds, 2000, TOGGLED), ping(lab, options.seconds - 1)
        memory, behind, begin = [lab.resident()], 0, time.time()
        for number in range(1, options.reloads + 1):
            lab.write(number)
            time.sleep(max(0, begin + number * options.seconds / options.reloads - time.time()))
            if number % max(1, options.reloads // 10) == 0:
                memory.append(lab.resident())
        sent = int(flow.communicate()[0].split()[1])
        sent_toggled = int(toggled.communicate()[0].split()[1])
        during, lost_pings = pings(probe.communicate()[0])
        time.sleep(2)
        arrived = forwarded_to(lab) - arrived
        alive, broken, exchanged = map(int, tcp.line.split())
        log = lab.log()
        summary = lab.stop()
        wrong = allowed = denied = 0
        epochs = set()
        with open(records) as file:
            for line in file:
                record = json.loads(line)
                epochs.add(record["epoch"])
                allowed += record["verdict"] == "allow"
                denied += record["verdict"] == "deny"
        took = sorted(int(t) for t in re.findall(r"Reloaded in (\d+) ms", log))
        # Which rules an epoch has is known by its rule lists only when no change was skipped; so: within one epoch all verdicts are the same.
        by_epoch = {}
        with open(records) as file:
            for line in file:
                record = json.loads(line)
                by_epoch.setdefault(record["epoch"], set()).add(record["verdict"])
        wrong = sum(len(verdicts) > 1 for verdicts in by_epoch.values())
        lost = sent + allowed - arrived
        dropped = sum(port["droppedByKernel"] for port in summary["interfaces"])
        unsent = sum(port["notSent"] for port in summary["interfaces"])
        print(f"reloads: {summary['reloads']} of {options.reloads} topologies in {options.seconds} s (files written faster than they are taken over are taken over together); {summary['refusedReloads']} refused")
        if took:
            print(f"from noticing to in force: p50 {took[len(took) // 2]} ms, p99 {took[int(len(took) * 0.99)]} ms, worst {took[-1]} ms")
        print(f"allowed packets: {sent} sent at {options.pps}/s and {allowed} of the toggled port, {arrived} arrived: {lost} lost, of which {dropped} had no room in the system's queues and {unsent} were not sent")
        print(f"toggled port: {sent_toggled} sent, {allowed} allowed, {denied} denied, in {len(epochs)} epochs; {wrong} epochs with two verdicts")
        print(f"connections: {alive} alive, {broken} broken, {exchanged} exchanges")
        print(f"pings: without reloads {before}; with {during}; {lost_pings} lost")
        print("resident MB: " + " ".join(f"{m:.0f}" for m in memory))
        ok = add_up(summary, filtered=True) and wrong == 0 and broken == 0 and lost <= dropped + unsent
        return 0 if ok else 1
    finally:
        lab.close()
        if os.path.exists(records):
            os.remove(records)


def flood(options):
    lab = Lab(options.io, [])
    try:
        tcp = connections(lab, options.flows)
        probe = ping(lab, options.seconds)
        syns = udp(lab, options.seconds, options.pps, OPEN, sources=65536, ports=65536, kind="syn")
        memory, begin = [lab.resident()], time.time()
        while time.time() < begin + options.seconds:
            time.sleep(options.seconds / 10)
            memory.append(lab.resident())
        sent = int(syns.communicate()[0].split()[1])
        text, lost = pings(probe.communicate()[0])
        time.sleep(2)
        alive, broken, exchanged = map(int, tcp.line.split())
        summary = lab.stop()
        print(f"SYNs: {sent} sent in {options.seconds} s; packets by verdict {summary['packets']}")
        print("dropped by the system before the program saw them: " + ", ".join(f"{port['name']} {port['droppedByKernel']}" for port in summary["interfaces"]))
        for warning in summary["warnings"]:
            print(f"warning: {warning}")
        print(f"connections: {alive} alive, {broken} broken, {exchanged} exchanges")
        print(f"pings: {text}; {lost} lost")
        print("resident MB: " + " ".join(f"{m:.0f}" for m in memory))
        ok = add_up(summary) and broken == 0
        return 0 if ok else 1
    finally:
        lab.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["reload", "flood"])
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--reloads", type=int, default=1000)
    parser.add_argument("--pps", type=int)
    parser.add_argument("--flows", type=int)
    parser.add_argument("--io", default="xdp")
    options = parser.parse_args()
    is_reload = options.what == "reload"
    options.seconds = options.seconds or (60 if is_reload else 600)
    options.pps = options.pps or (200_000 if is_reload else 100_000)
    options.flows = options.flows or (1_000 if is_reload else 100)
    if os.geteuid() != 0:
        sys.exit("root is needed: network namespaces, raw sockets, XDP")
    if not os.path.exists(PROGRAM):
        sys.exit(f"{os.path.relpath(PROGRAM)}: not there. Publish it: bench/peers/live.sh does, or dotnet publish src/Dataplane.Cli -c Release -r linux-x64 --self-contained false -p:PublishReadyToRun=true -o artifacts/bench")
    sys.exit(reload(options) if is_reload else flood(options))


if __name__ == "__main__":
    main()
