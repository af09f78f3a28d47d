"""Clients that only cost a TLS listener, and what they do to the others."""

import json
import os
import subprocess
import time

from .load import Load
from .machine import BenchError
from .slow import DisturbedCase, in_turn, latencies

UNFINISHED = 2000
RATE = 500  # a second
# As long as bonedry waits for a handshake: so they come again at a steady rate, not in waves.
RAMP_SECONDS = 10


class HandshakeFlood:
    """bench-handshake-flood (see there) inside a `with`. Begins when all are connected; `totals` are
    known at the end."""

    def __init__(self, bench, running, rate):
        self.bench = bench
        self.running = running
        self.rate = rate
        self.totals = None

    def __enter__(self):
        command = [self.bench.bench_handshake_flood, str(self.running.port), "--unfinished",
                   str(UNFINISHED), "--ramp", str(RAMP_SECONDS), "--rate", str(self.rate)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=self.run_behind_the_load)
        if self.process.stdout.readline() != "READY\n":
            self.process.kill()
            raise BenchError(f"the flood of {self.running.name} ended by itself")
        return self

    def run_behind_the_load(self):
        """The clients whose latency is measured, and the nodes, are on the same core: they go first,
        so that the figure shows what the proxy does and not how the core is shared out."""
        os.sched_setaffinity(0, self.bench.load_core)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/schedstat") as stat:
            return int(stat.read().split()[0]) / 1e9

    def __exit__(self, kind, *_):
        said, _ = self.process.communicate()  # closes its standard input, which ends it
        if kind is None:
            if self.process.returncode != 0:
                raise BenchError(f"the flood of {self.running.name} failed; see above")
            self.totals = json.loads(said.removeprefix("FIGURES "))
            self.check()

    def check(self):
        """That it was what it is meant to be, and that the proxy did not do what it was asked for."""
        come = self.totals["turns"] - self.totals["not_begun"]
        for wrong, what in (
                (self.totals["open"] < 0.9 * UNFINISHED, "fewer were connected"),
                (come < 0.9 * self.rate * self.totals["seconds"], "fewer came a second"),
                (self.totals["not_resumed"], "sessions were not resumed"),
                (self.totals["renegotiations_done"], "renegotiation was not refused")):
            if wrong:
                raise BenchError(f"the flood of {self.running.name}: {what}: {self.totals}")


class TlsSlowCase(DisturbedCase):
    """TLS clients, disturbed by the flood. What an unfinished handshake holds in memory is measured
    first, with those alone."""

    about = ("64 fast TLS clients (20 ms pauses), with and without 2,000 unfinished handshakes and 500 "
             "hostile connections per second")
    def of_one(self, bench, proxy):
        load = Load(pause_ms=20)
        with bench.running([proxy], load.users, tls=True, minimum_tls="1.2") as (running,):
            bench.measure(running, load, 1)
            bytes_each = self.bytes_each(bench, running)
            figures = in_turn(bench, lambda: self.alone(bench, running, load),
                              lambda: self.beside(bench, running, load))
        return {**latencies(figures), "bytes_each": bytes_each,
                "flood_busy": max(f["flood_busy"] for f in figures["beside"]),
                "resident": max(f["resident"] for f in figures["beside"])}

    def bytes_each(self, bench, running):
        without = running.process.resident_bytes()
        with HandshakeFlood(bench, running, rate=0) as flood:
            time.sleep(self.settle_seconds)
            beside = running.process.resident_bytes()
        return (beside - without) / flood.totals["open"]

    def alone(self, bench, running, load):
        time.sleep(self.settle_seconds)
        return bench.measure(running, load, bench.seconds)

    def beside(self, bench, running, load):
        with HandshakeFlood(bench, running, RATE) as flood:
            time.sleep(self.settle_seconds)
            began, before = time.monotonic(), flood.cpu_seconds()
            figures = bench.measure(running, load, bench.seconds)
            cpu = flood.cpu_seconds() - before
            figures["flood_busy"] = cpu / (time.monotonic() - began)
        return figures
