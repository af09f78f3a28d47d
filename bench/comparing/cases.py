"""The cases: what is measured of whom, and what it must reach."""

import os
import signal
import ssl
import statistics
import subprocess
import time

from .cluster import ClusterCostCase, ManySessionsCase, StoreAwayCase
from .http2 import Http2Load
from .http2_floods import Http2FloodCase
from .ledger import ExpiryCase, LedgerCase
from .load import Handshakes, Load, run_load
from .machine import BenchError, clients_that_fit, find_program
from .proxies import Setting
from .slow import SlowCase
from .tls_slow import TlsSlowCase
from .watchers import WatchersCase

KIB, MIB = 1024, 1024 * 1024
PEERS = ("haproxy", "nginx")


class Goal:
    """`figure` of bonedry's row must not be above `most`."""

    def __init__(self, figure, most):
        self.figure = figure
        self.most = most


class LoadCase:
    """One load against every proxy, in turn, round for round. `setting` goes to `make_setting`."""

    def __init__(self, load, about, goals=(), body_bytes=64, floors=True, **setting):
        self.load = load
        self.about = about
        self.goals = goals
        self.body_bytes = body_bytes
        self.floors = floors
        self.setting = setting

    def run(self, bench):
        proxies = [p for p in bench.proxies if (self.floors or p.sticky) and
                   (p.http2_to_nodes or not self.setting.get("http2_nodes"))]
        figures = {proxy.name: [] for proxy in proxies}
        for _ in range(bench.starts):
            with bench.running(proxies, self.load.users, **self.setting) as running:
                self.run_rounds(bench, running, figures)
        return {name: self.row(one) for name, one in figures.items()}

    def row(self, figures):
        return row(figures)

    def run_rounds(self, bench, running, figures):
        for proxy in running:
            if self.load.method == "GET":
                proxy.check_body(self.load.path, self.body_bytes)
        for number in range(bench.rounds):
            turn = number % len(running)
            for proxy in running[turn:] + running[:turn]:
                bench.measure(proxy, self.load, min(0.5, bench.seconds))
                figures[proxy.name].append(bench.measure(proxy, self.load, bench.seconds))


class HandshakeCase(LoadCase):
    """A connection for each request: also how many of them one second of CPU is enough for, and how
    many tickets each got."""

    def __init__(self, about, goal, *options):
        super().__init__(Handshakes(*options), about, (goal,), floors=False, tls=True)

    def row(self, figures):
        entry = row(figures)
        entry["per_cpu_second"] = 1e6 / entry["cpu_us"]
        entry["tickets"] = statistics.median(f["tickets"] / f["requests"] for f in figures)
        return entry


def row(figures):
    def median(value):
        return statistics.median(value(f) for f in figures)
    return {
        "cpu_us": median(lambda f: f["cpu"] / f["requests"] * 1e6),
        "cpu_us_rounds": [f["cpu"] / f["requests"] * 1e6 for f in figures],
        "per_second": median(lambda f: f["requests"] / f["seconds"]),
        "busy": median(lambda f: f["cpu"] / f["seconds"]),
        "resident": max(f["resident"] for f in figures),
        **{f"{name}_us": median(lambda f, name=name: f[name])
           for name in ("p50", "p99") if name in figures[0]},
    }


def add_ratios(rows, figure="cpu_us"):
    """Ratio of medians, to the better peer and to each floor."""
    known = [rows[peer][figure] for peer in PEERS if peer in rows]
    for entry in rows.values():
        if known:
            entry["to_peer"] = entry[figure] / min(known)
        for floor in ("copy", "splice"):
            if floor in rows:
                entry[f"to_{floor}"] = entry[figure] / rows[floor][figure]


class IdleCase:
    """Memory of idle connections, each of which has been served once."""

    def __init__(self, about, most_bytes, **setting):
        self.about = about
        self.goals = (Goal("bytes_each", most_bytes),)
        self.setting = setting

    def run(self, bench):
        connections = clients_that_fit(10000)
        rows = {}
        for proxy in [p for p in bench.proxies if p.sticky]:
            with bench.running([proxy], 16, **self.setting) as (running,):
                bench.measure(running, Load(), 1)
                before = running.process.resident_bytes()
                with Crowd(running, connections) as crowd:
                    time.sleep(1)
                    after = running.process.resident_bytes()
                    crowd.check()
                rows[proxy.name] = {"connections": connections, "resident": after,
                                    "bytes_each": (after - before) / connections}
        return rows


class Crowd:
    """Clients that were served once and then stay connected, silent."""

    def __init__(self, running, count):
        self.running = running
        self.count = count
        self.sockets = []

    def __enter__(self):
        cookies = self.running.cookies or [""]
        try:
            for index in range(self.count):
                client = self.running.connect()
                self.sockets.append(client)
                cookie = cookies[index % len(cookies)]
                client.sendall(f"GET /b/64 HTTP/1.1\r\nHost: shop.example\r\nCookie: {cookie}\r\n"
                               "\r\n".encode())
                if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise BenchError(f"{self.running.name} did not answer on connection {index}")
        except OSError as error:
            self.__exit__()
            raise BenchError(f"{self.running.name}: connection {len(self.sockets)} of "
                             f"{self.count}: {error}") from error
        return self

    def check(self):
        """That all are still connected: a proxy that has lost some has less to carry."""
        lost = sum(map(is_closed, self.sockets))
        if lost:
            raise BenchError(f"{self.running.name} closed {lost} of {self.count} idle connections")

    def __exit__(self, *_):
        for client in self.sockets:
            client.close()


def is_closed(client):
    client.setblocking(False)
    try:
        while client.recv(4096):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        pass
    return True


class GrowthCase:
    """CPU per request of one proxy in a small and in a large setting, in turn."""

    goals = (Goal("growth", 1.15),)

    def __init__(self, about, of_peers=False):
        self.about = about
        self.of_peers = of_peers

    def proxies(self, bench):
        return [p for p in bench.proxies if p.sticky and (self.of_peers or p.name not in PEERS)]

    def compare(self, bench, small, large, load):
        figures = {"small": [], "large": []}
        for number in range(bench.rounds):
            sides = [("small", small), ("large", large)]
            for side, running in sides if number % 2 == 0 else reversed(sides):
                bench.measure(running, load, min(0.5, bench.seconds))
                figures[side].append(bench.measure(running, load, bench.seconds))
        rows = {side: row(figures[side]) for side in figures}
        pairs = zip(rows["large"]["cpu_us_rounds"], rows["small"]["cpu_us_rounds"])
        return {"cpu_us_small": rows["small"]["cpu_us"], "cpu_us": rows["large"]["cpu_us"],
                "growth": statistics.median(a / b for a, b in pairs),
                "resident": rows["large"]["resident"]}


class NodesCase(GrowthCase):
    nodes = 1000

    def run(self, bench):
        port = bench.node_ports[0]
        many = [(f"127.0.{1 + i // 250}.{1 + i % 250}", port) for i in range(self.nodes)]
        load = Load(users=256)
        rows = {}
        for proxy in self.proxies(bench):
            with bench.running([proxy], 256) as (small,), \
                    bench.running([proxy], 256, nodes=many) as (large,):
                rows[proxy.name] = self.compare(bench, small, large, load)
        return rows


class SessionsCase(GrowthCase):
    sessions = 1000000

    def run(self, bench):
        rows = {}
        for proxy in self.proxies(bench):
            with bench.running([proxy], 16) as (small,), bench.running([proxy], 16) as (large,):
                known, large.cookies = large.cookies, []
                filled = 0
                while filled < self.sessions * 0.99:
                    figures = bench.measure(large, Load(connections=128), 5)
                    filled += figures["requests"]
                large.cookies = known
                rows[proxy.name] = self.compare(bench, small, large, Load())
                rows[proxy.name]["sessions"] = filled
        return rows


class ConnectionsCase(GrowthCase):
    def run(self, bench):
        load = Load()
        rows = {}
        for proxy in self.proxies(bench):
            with bench.running([proxy], 16) as (small,), bench.running([proxy], 16) as (large,):
                with Crowd(large, clients_that_fit(10000) - load.connections) as crowd:
                    rows[proxy.name] = self.compare(bench, small, large, load)
                    crowd.check()
        return rows


class WorkersCase:
    """Requests per second and CPU per request with one worker and with two, all on the same two
    cores. What the workers contend for shows in the CPU."""

    goals = ()

    def __init__(self, about, load, **setting):
        self.about = f"{about}, with 2 workers and with 1 (load and origin share the two cores)"
        self.load = load
        self.setting = setting

    def run(self, bench):
        with self.running(bench, 1) as ones, self.running(bench, 2) as twos:
            sides = [*((1, one) for one in ones), *((2, two) for two in twos)]
            figures = {(workers, running.name): [] for workers, running in sides}
            for number in range(bench.rounds):
                turn = number % len(sides)
                for workers, running in sides[turn:] + sides[:turn]:
                    self.measure(bench, running, min(0.5, bench.seconds))
                    figures[workers, running.name].append(
                        self.measure(bench, running, bench.seconds))
            names = [one.name for one in ones]
        return {name: self.compare(row(figures[1, name]), row(figures[2, name])) for name in names}

    def running(self, bench, workers):
        proxies = [p for p in bench.proxies if p.sticky]
        return bench.running(proxies, self.load.users, workers=workers,
                             pinned_to=bench.both_cores, **self.setting)

    def measure(self, bench, running, seconds):
        return bench.measure(running, self.load, seconds, bench.both_cores)

    @staticmethod
    def compare(one, two):
        return {"cpu_us": two["cpu_us"], "cpu_us_1": one["cpu_us"],
                "per_second": two["per_second"], "per_second_1": one["per_second"],
                "speedup": two["per_second"] / one["per_second"]}


class CallsCase:
    """System calls for each request, as strace counts them (it slows everything down: no times)."""

    about = "system calls per request, 64 B, 64 connections"
    goals = ()

    def run(self, bench):
        rows = {}
        for proxy in [p for p in bench.proxies if p.sticky]:
            with bench.running([proxy], 16) as (running,):
                bench.measure(running, Load(), 1)
                counts, figures = count_calls(
                    running.process.child.pid, bench.folder,
                    lambda running=running: bench.measure(running, Load(), 2))
            calls = {name: count / figures["requests"] for name, count in counts.items()}
            rows[proxy.name] = {"calls": sum(calls.values()), **{
                name: value for name, value in sorted(calls.items()) if value >= 0.005}}
        return rows


def count_calls(pid, folder, work):
    """Calls of a process by name while `work` runs, and what that returns."""
    output = os.path.join(folder, "strace")
    tracer = subprocess.Popen([find_program("strace"), "-f", "-c", "-p", str(pid), "-o", output],
                              stderr=subprocess.PIPE, text=True)
    try:
        if "attached" not in tracer.stderr.readline():
            raise BenchError("strace is not allowed to trace processes here")
        result = work()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait()
    counts = {}
    with open(output) as lines:
        for line in lines:
            words = line.split()
            if len(words) >= 5 and words[0][0].isdigit() and words[-1] != "total":
                counts[words[-1]] = int(words[3])
    return counts, result


def body_case(size, connections, goals):
    return LoadCase(Load(connections, f"/b/{size}"), f"{size} B, {connections} connections", goals,
                    body_bytes=size)


def tls_body_case(size, connections, *goals):
    return LoadCase(Load(connections, f"/b/{size}"), f"TLS, {size} B, {connections} connections",
                    goals, body_bytes=size, floors=False, tls=True)


# Name, size, requests for each second that a run is to last, and connections by streams of each: as
# many requests at a time as in the cases of HTTP/1, or more where many streams are to be busy.
HTTP2_BODIES = (("64B", 64, 20000, {1: 64, 10: 16, 100: 4}),
                ("10K", 10 * KIB, 10000, {1: 64, 10: 16, 100: 4}),
                ("1M", MIB, 300, {1: 16, 10: 4, 100: 1}))


def http2_cases():
    """HTTP/2 from clients, plain and encrypted: every size with every number of streams."""
    for prefix, encryption, tls in (("h2c", "", False), ("h2tls", ", TLS", True)):
        for name, size, per_second, loads in HTTP2_BODIES:
            for streams, connections in loads.items():
                about = (f"HTTP/2{encryption}, {size} B, connections: {connections}, "
                         f"streams of each: {streams}")
                yield f"{prefix}{name}x{streams}", LoadCase(
                    Http2Load(connections, streams, f"/b/{size}", per_second), about,
                    (Goal("to_peer", http2_goal(size, streams)),), body_bytes=size, floors=False,
                    tls=tls, http2=True)


def http2_node_cases():
    """HTTP/2 from clients and to the nodes, of who can."""
    for name, size, per_second, loads in HTTP2_BODIES:
        for streams, connections in loads.items():
            about = (f"HTTP/2 to the nodes as well, {size} B, connections: {connections}, "
                     f"streams of each: {streams}")
            yield f"h2n{name}x{streams}", LoadCase(
                Http2Load(connections, streams, f"/b/{size}", per_second), about,
                (Goal("to_peer", http2_goal(size, streams)),), body_bytes=size, floors=False,
                http2=True, http2_nodes=True)


def http2_goal(size, streams):
    if size >= MIB:
        return 0.90
    return 0.95 if streams == 1 else 0.85


SMALL = (Goal("to_peer", 0.80), Goal("to_copy", 1.20))
LARGE = (Goal("to_peer", 0.55), Goal("to_splice", 1.20))

LEDGER = (Goal("bytes_each", 96), Goal("touch_ns", 300), Goal("count_ns", 100))

CASES = {
    "64B": body_case(64, 64, SMALL),
    "10K": body_case(10 * KIB, 64, SMALL),
    "64K": body_case(64 * KIB, 64, LARGE),
    "1M": body_case(MIB, 16, LARGE),
    "10M": body_case(10 * MIB, 16, LARGE),
    "post64K": LoadCase(Load(path="/post", method="POST", body_bytes=64 * KIB),
                        "POST of 64 KiB, 64 connections"),
    "close": LoadCase(Load(new_connections=True), "64 B, a new connection per request",
                      (Goal("to_peer", 0.90),), floors=False),
    "c1": LoadCase(Load(connections=1), "64 B, 1 connection"),
    "c512": LoadCase(Load(connections=512), "64 B, 512 connections"),
    "paced": LoadCase(Load(pause_ms=20), "64 B, equal load for all: 64 connections, 20 ms pauses",
                      (Goal("p99_to_peer", 1.0),), floors=False),
    "calls": CallsCase(),
    "idle": IdleCase("10,000 idle keep-alive connections (fewer if the descriptor limit is low)",
                     2 * KIB),
    "nodes": NodesCase("1,000 nodes compared with 2"),
    "sessions": SessionsCase("1,000,000 sessions compared with 16"),
    "connections": ConnectionsCase(
        "64 busy connections, with 10,000 open (fewer if the descriptor limit is low) and with 64", of_peers=True),
    "workers": WorkersCase("64 B", Load(connections=128)),
    "tls64B": tls_body_case(64, 64, Goal("to_peer", 0.90)),
    "tls10K": tls_body_case(10 * KIB, 64, Goal("to_peer", 0.90)),
    "tls64K": tls_body_case(64 * KIB, 64),
    "tls1M": tls_body_case(MIB, 16, Goal("to_peer", 0.90)),
    "tlsfull": HandshakeCase("TLS, a full handshake and 64 B per connection",
                             Goal("to_peer", 1.0)),
    "tlsresumed": HandshakeCase("TLS, a resumed handshake and 64 B per connection",
                                Goal("to_peer", 0.909), "--resume"),
    "tlsidle": IdleCase("10,000 idle TLS connections (fewer if the descriptor limit is low)",
                        12 * KIB, tls=True),
    "tlsworkers": WorkersCase("TLS, 64 B", Load(connections=128), tls=True),
    "tlsfullworkers": WorkersCase("TLS, a full handshake and 64 B per connection", Handshakes(),
                                  tls=True),
    "tlsresumedworkers": WorkersCase("TLS, a resumed handshake and 64 B per connection",
                                     Handshakes("--resume"), tls=True),
    **dict(http2_cases()),
    **dict(http2_node_cases()),
    # An idle connection of HTTP/2 has some 20 KiB; a flood may have as much as is said in ARCHITECTURE.md.
    "h2floods": Http2FloodCase((Goal("p99_growth", 1.5), Goal("bytes_each", MIB))),
    "ledger1M": LedgerCase(1000000, "1,000,000 sessions, without a proxy", LEDGER),
    "ledger10M": LedgerCase(10000000, "10,000,000 sessions, without a proxy", LEDGER),
    "expiry": ExpiryCase((Goal("p99_growth", 1.3), Goal("late_ms", 1000))),
    # What a slow client may hold in memory: a block in each direction, and its connections.
    "slow": SlowCase((Goal("p99_growth", 1.5), Goal("bytes_each", 2 * 32 * KIB + 4 * KIB))),
    # As much of one core as nobody misses.
    "watchers": WatchersCase(0, (Goal("cpu_share", 0.02), Goal("p99_growth", 1.1))),
    "dashboards": WatchersCase(200, (Goal("cpu_share", 0.05), Goal("p99_growth", 1.2))),
    "cluster": ClusterCostCase((Goal("growth", 1.03),)),
    "clusteraway": StoreAwayCase((Goal("p99_growth", 1.2),)),
    "cluster1M": ManySessionsCase((Goal("bytes_each", 200), Goal("whole_s", 60))),
    "tlsslow": TlsSlowCase((Goal("p99_growth", 1.5), Goal("bytes_each", 64 * KIB))),
}


def run_case(name, bench):
    case = CASES[name]
    rows = case.run(bench)
    if isinstance(case, LoadCase):
        add_ratios(rows)
        known = [rows[peer]["p99_us"] for peer in PEERS if "p99_us" in rows.get(peer, ())]
        for entry in rows.values():
            if known:
                entry["p99_to_peer"] = entry["p99_us"] / min(known)
    return rows


def make_setting(bench, nodes=None, pinned_to=None, tls=False, **others):
    ports = bench.http2_node_ports if others.get("http2_nodes") else bench.node_ports
    nodes = nodes or [("127.0.0.1", port) for port in ports]
    return Setting(nodes, pinned_to=pinned_to or bench.proxy_core,
                   certificate=bench.certificate if tls else None, **others)


def measure(bench, running, load, seconds, core=None):
    """wrk counts whole seconds at least."""
    folder = os.path.join(bench.folder, "load")
    os.makedirs(folder, exist_ok=True)
    return run_load(bench, load, running, folder, max(1, round(seconds)), core or bench.load_core)
