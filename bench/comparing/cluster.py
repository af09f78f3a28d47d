"""What being a member of a cluster costs a proxy, and what its sessions cost the store."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import statistics
import time

from .ledger import bench_ledger
from .load import Load
from .machine import BenchError, Process, find_program, free_port
from .slow import DisturbedCase, in_turn, latencies

USUAL = 60  # seconds, for what does not depend on the number of sessions


def wait_until(holds, seconds, what):
    """Seconds until it does."""
    begin = time.monotonic()
    while not holds():
        if time.monotonic() - begin > seconds:
            raise BenchError(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return time.monotonic() - begin


class Store:
    """A Redis or Valkey server that saves nothing, on the core of the load."""

    def __init__(self, bench):
        self.port = free_port()
        try:
            self.program = find_program("redis-server")
        except BenchError:
            self.program = find_program("valkey-server")
        self.folder = bench.folder
        self.core = bench.load_core
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        self.process = Process("store", [self.program, "--port", str(self.port), "--bind", "127.0.0.1",
                                         "--save", "", "--appendonly", "no", "--dir", self.folder],
                               self.core, os.path.join(self.folder, "store.log"))
        self.process.wait_for_port(self.port)

    def kill(self):
        self.process.child.send_signal(signal.SIGKILL)
        self.process.child.wait()

    def info(self, field):
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
            client.sendall(b"INFO\r\n")
            with client.makefile("rb") as answer:
                size = int(answer.readline()[1:])
                for line in answer.read(size).decode().splitlines():
                    name, _, value = line.partition(":")
                    if name == field:
                        return int(value)
        raise BenchError(f"the store says nothing of {field}")


class Cluster:
    """A store, and the settings of the members that meet at it."""

    def __init__(self, bench):
        self.bench = bench
        self.secret_file = os.path.join(bench.folder, f"cluster-secret-{bench.started}")
        with open(self.secret_file, "w") as out:
            out.write(secrets.token_hex(32) + "\n")
        os.chmod(self.secret_file, 0o600)
        self.store = Store(bench)

    def member(self, proxy, name, users=0, **setting):
        """One of them, at work inside a `with`."""
        return self.bench.running([proxy], users, cluster=(name, self.store.url),
                                  secret_file=self.secret_file, **setting)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.store.kill()


def store_state(running):
    return running.status()["cluster"]["store"]["state"]


def is_complete(running, members):
    """Whether it hears so many members, and has the sessions of them all."""
    cluster = running.status()["cluster"]
    heard = [member for member in cluster["members"] if member["state"] in ("here", "heard")]
    return cluster["complete"] and cluster["counted"] == "exactly" and len(heard) == members


class ClusterCostCase:
    """CPU per request of a proxy alone and of one with another member and a store. One is there at a
    time: a member does a little all the time, which would cost a proxy on the same core its caches.
    Both are started anew many times, in turn: two starts of one program differ by some percent."""

    about = "64 B, 64 connections: a member of a cluster compared with a proxy alone"

    def __init__(self, goals):
        self.goals = goals

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy) for proxy in bench.proxies if proxy.keeps_ledger}

    def of_one(self, bench, proxy):
        costs = {self.alone: [], self.member: []}
        for number in range(bench.starts):
            sides = [self.alone, self.member]
            for side in sides if number % 2 == 0 else reversed(sides):
                costs[side] += side(bench, proxy)
        alone, member = (statistics.median(costs[side]) for side in (self.alone, self.member))
        return {"cpu_us": member, "cpu_us_alone": alone, "growth": member / alone}

    def alone(self, bench, proxy):
        load = Load()
        with bench.running([proxy], load.users) as (running,):
            return self.costs(bench, running, load)

    def member(self, bench, proxy):
        load = Load()
        with Cluster(bench) as cluster, \
                cluster.member(proxy, "p2", pinned_to=bench.load_core) as (other,), \
                cluster.member(proxy, "p1", load.users) as (member,):
            for running in (member, other):
                wait_until(lambda running=running: is_complete(running, 2), USUAL, "the members meet")
            return self.costs(bench, member, load)

    @staticmethod
    def costs(bench, running, load):
        bench.measure(running, load, 1)
        figures = [bench.measure(running, load, bench.seconds) for _ in range(bench.rounds)]
        return [one["cpu"] / one["requests"] * 1e6 for one in figures]


class StoreAwayCase(DisturbedCase):
    """Disturbed by the loss of the store, which is killed and comes back empty."""

    about = "64 fast clients (20 ms pauses) of a member of a cluster, with its store and without"

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy) for proxy in bench.proxies if proxy.keeps_ledger}

    def of_one(self, bench, proxy):
        load = Load(pause_ms=20)
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(Cluster(bench))
            stack.enter_context(cluster.member(proxy, "p2", pinned_to=bench.load_core))
            (member,) = stack.enter_context(cluster.member(proxy, "p1", load.users))
            bench.measure(member, load, 1)
            return latencies(in_turn(bench, lambda: self.with_store(bench, cluster, member, load),
                                     lambda: self.without(bench, cluster, member, load)))

    def with_store(self, bench, cluster, member, load):
        if cluster.store.process.child.poll() is not None:
            cluster.store.start()
        wait_until(lambda: is_complete(member, 2), USUAL, "the members meet again")
        time.sleep(self.settle_seconds)
        return bench.measure(member, load, bench.seconds)

    def without(self, bench, cluster, member, load):
        if cluster.store.process.child.poll() is None:
            cluster.store.kill()
        wait_until(lambda: store_state(member) == "lost", USUAL, "the loss is noticed")
        time.sleep(self.settle_seconds)
        return bench.measure(member, load, bench.seconds)


class ManySessionsCase:
    """A million live sessions, a third of them in the ledger of each of three members: what the store
    needs for them, and how long it takes until the last member that starts is whole, which has to send
    its third."""

    about = "1,000,000 sessions over 3 members: bytes in the store for each, its commands"
    of_each = 333334
    seconds = 600  # for the sending of a third; some 20 are usual

    def __init__(self, goals):
        self.goals = goals

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy) for proxy in bench.proxies if proxy.keeps_ledger}

    def of_one(self, bench, proxy):
        folders = []
        try:
            with Cluster(bench) as cluster:
                folders = [self.ledger(bench, cluster, number) for number in range(3)]
                return self.measure(bench, proxy, cluster, folders)
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)

    def ledger(self, bench, cluster, number):
        folder = os.path.join(bench.folder, f"member-{bench.started}-{number}")
        bench_ledger(bench, folder, self.of_each, "--leave", 1000, "--first", number * self.of_each,
                     "--secret-file", cluster.secret_file)
        return folder

    def measure(self, bench, proxy, cluster, folders):
        load = Load(pause_ms=20)
        empty = cluster.store.info("used_memory")
        with contextlib.ExitStack() as stack:
            def start(number, users=0):
                core = bench.proxy_core if number == 0 else bench.load_core
                return stack.enter_context(cluster.member(
                    proxy, f"p{number + 1}", users, pinned_to=core, state_dir=folders[number],
                    sessions=2 * self.of_each, idle_timeout="60m"))[0]

            members = [start(0, load.users), start(1)]
            for one in members:
                wait_until(lambda one=one: is_complete(one, 2), self.seconds, "two members are whole")
            begin, cpu = time.monotonic(), cluster.store.process.cpu_seconds()
            members.append(start(2))
            wait_until(lambda: is_complete(members[2], 3), self.seconds, "the third member is whole")
            whole_s = time.monotonic() - begin
            cpu = cluster.store.process.cpu_seconds() - cpu
            sessions = 3 * self.of_each + load.users
            for one in members:
                wait_until(lambda one=one: self.live(one) == sessions, USUAL, "each is counted once")
            used = cluster.store.info("used_memory") - empty
            idle = self.rates(cluster, lambda: time.sleep(10))
            with_load = self.rates(cluster, lambda: bench.measure(members[0], load, 10))
            return {"bytes_each": used / sessions, "whole_s": whole_s,
                    "store_us": cpu / self.of_each * 1e6,
                    "commands": idle[0], "store_share": idle[1],
                    "commands_load": with_load[0], "store_share_load": with_load[1]}

    @staticmethod
    def live(running):
        return sum(node["sessions"]["live"]
                   for pool in running.status()["pools"] for node in pool["nodes"])

    @staticmethod
    def rates(cluster, meanwhile):
        """(commands a second, part of a core) of the store."""
        begin = time.monotonic()
        before = (cluster.store.info("total_commands_processed"), cluster.store.process.cpu_seconds())
        meanwhile()
        after = (cluster.store.info("total_commands_processed"), cluster.store.process.cpu_seconds())
        seconds = time.monotonic() - begin
        return tuple((b - a) / seconds for a, b in zip(before, after))
