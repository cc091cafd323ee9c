#!/usr/bin/env python3
"""What a live run endures: `dataplane run` as a bump in the wire, real programs at both ends, and trouble.

    bench/peers/endure.py reload [--reloads 1030] [--seconds 60] [--pps 200000] [--flows 1000] [--io xdp]
        A topology with rules never seen before every 60 ms, under UDP and TCP that every one of them admits, UDP that every second one admits, and UDP that another rule admits each time.
        Before and after it, a third as long, the same traffic without reloads. Says for each of the three: packets lost and where, the delay of pings, who used the processors;
        and for the whole: epochs whose packets were judged by more than one set of rules, connections that broke, memory.

    bench/peers/endure.py flood [--seconds 600] [--pps 100000] [--flows 100] [--io xdp]
        SYNs of random sources to an open port, beside connections and pings that must go on.
        Says: connections that broke, pings lost, memory over time, whether the counters of the summary add up.

    gen --g0==outside-- mid --inside==s0-- sink        three network namespaces; mid holds the program

What happens is said on standard error, the result printed. Root, Linux, iproute2, ethtool, gcc, ping, the .NET SDK. Exit code 1 when something was lost while reloading, or broke.
"""
import argparse
import calendar
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
OPEN, TOGGLED, MARKED, CONNECTED = 9000, 9001, 9002, 5201
WATCHED_PPS = 1000    # of each port whose packets have records
TICKS = os.sysconf("SC_CLK_TCK")
BEGAN = time.time()

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


def say(text):
    print(f"{time.time() - BEGAN:6.1f} s  {text}", file=sys.stderr, flush=True)


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
        """A topology. The rules for single addresses are never the same twice, TOGGLED is open in every second one, and which rule opens MARKED tells the number modulo 20."""
        rules = [{"IpProtocol": "udp", "FromPort": 20000 + i, "ToPort": 20020 + number, "CidrIp": f"192.0.{number % 250}.{i}/32"} for i in range(number % 20 + 1)]
        rules.append({"IpProtocol": "udp", "FromPort": MARKED, "ToPort": MARKED, "CidrIp": "0.0.0.0/0"})
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

    def alive(self, tcp):
        alive, broken, exchanged = tcp.line.split()
        return f"{alive} connections alive, {broken} broken, {exchanged} exchanges"

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
    """The delays, in words, and how many were not answered before a later one was."""
    times = sorted(float(t) for t in re.findall(r"time=([\d.]+) ms", text))
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else float("nan")
    answered = {int(n) for n in re.findall(r"icmp_seq=(\d+) .*time=", text)}
    return f"{at(0.5):.0f} {at(0.99):.0f} {at(1):.0f}", max(answered, default=0) - len(answered)


def connections(lab, count, pause=1.0):
    lab.start("sink", "python3", "-c", ECHO, SERVER, str(CONNECTED), stderr=subprocess.DEVNULL)
    time.sleep(1)
    last = Last(lab.start("gen", "python3", "-c", CONNECTIONS, SERVER, str(CONNECTED), str(count), str(pause), stdout=subprocess.PIPE))
    lab.until(lambda: last.line.startswith(f"{count} 0 "), f"not all of {count} connections came up: {last.line}")
    return last


def ping(lab, seconds):
    # An end by time: a hundred a second are not reached where ping gets the processor late. Below 10 ms it does not sleep.
    return lab.start("gen", "ping", "-i", "0.01", "-w", str(seconds), SERVER, stdout=subprocess.PIPE)


def udp(lab, seconds, rate, port, sources=1, ports=64, kind="udp"):
    words = ("send", "g0", str(seconds), str(rate), kind, CLIENT, str(sources), str(ports), SERVER, str(port), lab.far)
    return lab.start("gen", lab.traffic, *words, stdout=subprocess.PIPE)


def lines_of(*words):
    return run(*words).stdout.splitlines()


def dropped_sending(space, device):
    """Frames that the device's other end had no room for."""
    return json.loads(run("ip", "-n", SPACES[space], "-s", "-json", "link", "show", device).stdout)[0]["stats64"]["tx"]["dropped"]


def found_no_room(device):
    """Frames that the XDP program could not hand to the program's socket."""
    return sum(int(line.split(":")[1]) for line in lines_of(*within("mid", "ethtool", "-S", device)) if re.match(r" *rx_queue_\d+_drops:", line))


def arrived(lab):
    """UDP datagrams that the sink's kernel got, whether somebody listens or not."""
    keys, values = [line.split()[1:] for line in lines_of(*within("sink", "cat", "/proc/net/snmp")) if line.startswith("Udp:")]
    row = dict(zip(keys, map(int, values)))
    return row["InDatagrams"] + row["NoPorts"] + row["InErrors"]


def seconds_of(path):
    with open(path) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def processor(lab):
    """Seconds: the program, its thread of the packets (the first), the whole machine, and of that interrupts."""
    with open("/proc/stat") as file:
        fields = [int(field) / TICKS for field in file.readline().split()[1:9]]
    user, nice, system, idle, wait, irq, softirq, steal = fields
    pid = lab.engine.pid
    children = sum(seconds_of(f"/proc/{process.pid}/stat") for process in lab.processes if process.poll() is None and process is not lab.engine)
    return {"program": seconds_of(f"/proc/{pid}/stat"), "packets": seconds_of(f"/proc/{pid}/task/{pid}/stat"), "clients": children,
            "busy": user + nice + system + irq + softirq + steal, "softirq": irq + softirq, "stolen": steal}


def counters(lab):
    return {"before": dropped_sending("gen", "g0"), "ring": found_no_room("outside"), "after": dropped_sending("mid", "inside"), "arrived": arrived(lab), **processor(lab)}


def add_up(summary, filtered=False):
    """With --filter only selected packets are counted by verdict, so those are left out then."""
    frames = summary["frames"]
    fates = sum(value for key, value in frames.items() if key != "received")
    ports = sum(port["received"] for port in summary["interfaces"])
    verdicts = sum(summary["packets"].values())
    ok = frames["received"] == fates == ports and (filtered or verdicts == fates)
    print(f"counters: {frames['received']} received = {fates} by fate = {ports} by interface{'' if filtered else f' = {verdicts} by verdict'}: {'they add up' if ok else 'THEY DO NOT ADD UP'}")
    return ok


def under_traffic(lab, seconds, pps, between):
    """All traffic for some seconds, and what it came to."""
    first, begin = counters(lab), time.time()
    flows = [udp(lab, seconds, pps, OPEN), udp(lab, seconds, WATCHED_PPS, TOGGLED), udp(lab, seconds, WATCHED_PPS, MARKED)]
    probe = ping(lab, max(1, seconds - 1))
    between()
    said = [flow.communicate()[0].split() for flow in flows]
    answers, lost_pings = pings(probe.communicate()[0])
    last = counters(lab)    # of the processors, before what follows; what is under way arrives within a second
    took = time.time() - begin
    time.sleep(1)
    last.update({key: value for key, value in counters(lab).items() if key in ("before", "ring", "after", "arrived")})
    result = {key: last[key] - first[key] for key in last}
    result.update(begin=begin, end=time.time(), took=took, open=int(said[0][1]), sent=sum(int(words[1]) for words in said), pings=answers, pingslost=lost_pings,
                  generators=sum(float(words[5]) for words in said), reached=int(said[0][1]) / float(said[0][3]))
    return result


def epochs_of(records, phases):
    """Denied packets by phase, all records, and the epochs of which the packets of one port have more than one verdict and rule."""
    denied, count, by_epoch, newest, backwards = [0] * len(phases), 0, {}, 0, 0
    with open(records) as file:
        for line in file:
            record = json.loads(line)
            count += 1
            by_epoch.setdefault((record["epoch"], record["dstPort"]), set()).add((record["verdict"], record["rule"]))
            backwards += record["epoch"] < newest
            newest = max(newest, record["epoch"])
            if record["verdict"] != "allow":
                at = calendar.timegm(time.strptime(record["time"][:19], "%Y-%m-%dT%H:%M:%S")) + float(record["time"][19:29])
                for i, phase in enumerate(phases):
                    denied[i] += phase["begin"] <= at <= phase["end"]
    mixed = sorted({epoch for (epoch, _), seen in by_epoch.items() if len(seen) > 1})
    verdicts = {verdict for seen in by_epoch.values() for verdict, _ in seen}
    return denied, count, len({epoch for epoch, _ in by_epoch}), mixed, backwards, verdicts


def reload(options):
    records = os.path.join(tempfile.gettempdir(), f"dataplane-endure-{os.getpid()}.jsonl")
    say("three namespaces, and the program between them")
    lab = Lab(options.io, ["--packets", records, "--filter", f"udp and (dst port {TOGGLED} or dst port {MARKED})"])
    try:
        # Who listens on the ports decides nothing here; the kernel counts what came.
        say(f"{options.flows} connections")
        tcp = connections(lab, options.flows)
        memory = []

        def reloads():
            begin, late = time.time(), 0
            for number in range(1, options.reloads + 1):
                lab.write(number)
                rest = begin + number * options.seconds / options.reloads - time.time()
                late = max(late, -rest)
                time.sleep(max(0, rest))
                if number % max(1, options.reloads // 20) == 0:
                    memory.append(lab.resident())
                    say(f"{number} topologies written, {lab.log().count('Reloaded in')} reloads, {memory[-1]:.0f} MB; {lab.alive(tcp)}")
            if late > 0.1:
                say(f"topologies were written up to {late:.1f} s late")

        rest = max(2, options.seconds // 3)
        phases = []
        for name, seconds, between in (("before", rest, lambda: None), ("reloading", options.seconds, reloads), ("after", rest, lambda: None)):
            say(f"{name}: {options.pps} packets/s for {seconds} s")
            phases.append({"name": name, **under_traffic(lab, seconds, options.pps, between)})
        alive, broken, exchanged = map(int, tcp.line.split())
        log = lab.log()
        say("the program ends")
        summary = lab.stop()
        denied, count, epochs, mixed, backwards, verdicts = epochs_of(records, phases)
        took = sorted(int(t) for t in re.findall(r"Reloaded in (\d+) ms", log))
        ring = sum(port["droppedByKernel"] for port in summary["interfaces"])
        unsent = sum(port["notSent"] for port in summary["interfaces"])
        for phase, number in zip(phases, denied):
            phase.update(denied=number, lost=phase["sent"] - number - phase["arrived"])

        row = lambda title, values: print(f"{title:44}" + "".join(f"{value:>22}" for value in values))
        each = lambda key, form: [form.format(phase[key]) for phase in phases]
        share = lambda key: [f"{phase[key] / phase['took'] * 100:.0f} %" for phase in phases]
        row("", each("name", "{}"))
        row(f"packets/s (asked for: {options.pps})", each("reached", "{:.0f}"))
        row("packets sent", each("sent", "{}"))
        row("denied, as every second topology says", each("denied", "{}"))
        row("arrived", each("arrived", "{}"))
        row("lost", each("lost", "{}"))
        row("  at the queue into the bump", each("before", "{}"))
        row("  no room in the program's ring", each("ring", "{}") if options.io == "xdp" else ["?"] * 3)
        row("  at the queue behind the bump", each("after", "{}"))
        row("pings: p50, p99, worst, us", each("pings", "{}"))
        row("pings lost", each("pingslost", "{}"))
        row("of one core: the program", share("program"))
        row("  its thread of the packets", share("packets"))
        row("  generators (queues of their frames too)", share("generators"))
        row("  connections and pings", share("clients"))
        row("of all cores: busy", [f"{phase['busy'] / phase['took'] / os.cpu_count() * 100:.0f} %" for phase in phases])
        row("  with interrupts", [f"{phase['softirq'] / phase['took'] / os.cpu_count() * 100:.0f} %" for phase in phases])
        print(f"reloads: {summary['reloads']} of {options.reloads} topologies in {options.seconds} s (files written faster than they are taken over are taken over together); {summary['refusedReloads']} refused")
        if took:
            print(f"from noticing to in force: p50 {took[len(took) // 2]} ms, p99 {took[int(len(took) * 0.99)]} ms, worst {took[-1]} ms")
        print(f"the whole run: {ring} found no room in the program's rings, {unsent} it could not send")
        print(f"records: {count} in {epochs} epochs; {len(mixed)} epochs with packets of one port judged by two sets of rules{': ' + str(mixed[:5]) if mixed else ''}; {backwards} of an epoch that had ended")
        print(f"connections: {alive} alive, {broken} broken, {exchanged} exchanges")
        print("resident MB while reloading: " + " ".join(f"{m:.0f}" for m in memory))
        ok = add_up(summary, filtered=True) and not mixed and backwards == 0 and verdicts == {"allow", "deny"} and broken == 0 and summary["refusedReloads"] == 0
        if phases[1]["lost"]:
            print(f"LOST WHILE RELOADING: {phases[1]['lost']} of {phases[1]['sent']} packets; without reloads {phases[0]['lost'] + phases[2]['lost']} of {phases[0]['sent'] + phases[2]['sent']}")
        return 0 if ok and phases[1]["lost"] == 0 else 1
    finally:
        lab.close()
        if os.path.exists(records):
            os.remove(records)


def flood(options):
    say("three namespaces, and the program between them")
    lab = Lab(options.io, [])
    try:
        say(f"{options.flows} connections")
        tcp = connections(lab, options.flows)
        say(f"{options.pps} SYNs/s for {options.seconds} s")
        probe = ping(lab, options.seconds)
        syns = udp(lab, options.seconds, options.pps, OPEN, sources=65536, ports=65536, kind="syn")
        memory, begin = [lab.resident()], time.time()
        while time.time() < begin + options.seconds:
            time.sleep(options.seconds / 10)
            memory.append(lab.resident())
            say(f"{memory[-1]:.0f} MB; {lab.alive(tcp)}")
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
        print(f"pings: p50, p99, worst {text} us; {lost} lost")
        print("resident MB: " + " ".join(f"{m:.0f}" for m in memory))
        ok = add_up(summary) and broken == 0
        return 0 if ok else 1
    finally:
        lab.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["reload", "flood"])
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--reloads", type=int, default=1030)    # some are taken over together, and 1,000 should be taken over
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
