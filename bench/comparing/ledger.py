"""The ledger at full size, by itself and under the proxy."""

import json
import os
import shutil
import statistics
import subprocess
import time

from .load import Load
from .machine import Background, BenchError


def bench_ledger(bench, *arguments, core=None):
    """What bench-ledger has found out, on one core or on both."""
    result = subprocess.run(
        [bench.bench_ledger, *map(str, arguments)], capture_output=True, text=True, check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, core or bench.both_cores))
    if result.returncode != 0:
        raise BenchError(result.stderr.strip())
    return json.loads(result.stdout)


class LedgerCase:
    """Bytes and times of so many sessions, without a proxy."""

    def __init__(self, sessions, about, goals):
        self.sessions = sessions
        self.about = about
        self.goals = goals

    def run(self, bench):
        folder = os.path.join(bench.folder, "ledger-alone")
        try:
            figures = bench_ledger(bench, folder, self.sessions)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return {"bonedry": {
            "bytes_each": figures["bytes_each"], "begin_ns": figures["begin_ns"],
            "touch_ns_1": figures["touch_from_1"]["p50_ns"],
            "touch_ns": figures["touch_from_2"]["p50_ns"], "count_ns": figures["count_ns"],
            "restore_s": figures["restore_s"]}}


class ExpiryCase:
    """The p99 of fast clients at an equal load before and while sessions run out, and by how much
    the latest of those leaves the count too late. The proxy starts on a ledger that is full."""

    about = "64 fast clients (20 ms pauses) while a million sessions expire within 10 s"
    sessions = 1000000
    idle_seconds = 40
    window_seconds = 10

    def __init__(self, goals):
        self.goals = goals

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy)
                for proxy in bench.proxies if proxy.keeps_ledger}

    def of_one(self, bench, proxy):
        rounds = [self.round(bench, proxy, number) for number in range(bench.rounds)]

        def median(figure):
            return statistics.median(r[figure] for r in rounds)
        return {"p99_alone_us": median("p99_before"), "p99_us": median("p99"),
                "p99_growth": statistics.median(r["p99"] / r["p99_before"] for r in rounds),
                "cpu_us_small": median("cpu_before"), "cpu_us": median("cpu"),
                "late_ms": max(r["late_ms"] for r in rounds)}

    def round(self, bench, proxy, number):
        state_dir = os.path.join(bench.folder, f"expiry-{proxy.name}-{number}")
        spread_ms = self.window_seconds * 1000
        filled = bench_ledger(bench, state_dir, self.sessions, "--leave", spread_ms)
        last_end = filled["now_ms"] / 1000 + self.idle_seconds
        first_end = last_end - self.window_seconds
        load = Load(pause_ms=20)
        try:
            with bench.running([proxy], load.users, state_dir=state_dir,
                               sessions=filled["capacity"],
                               idle_timeout=f"{self.idle_seconds}s") as (running,):
                bench.measure(running, load, 1)
                with Watch(running) as watch:
                    before = bench.measure(running, load, self.window_seconds)
                    if time.monotonic() > first_end:
                        raise BenchError("the first sessions expired too early")
                    time.sleep(first_end - time.monotonic())
                    during = bench.measure(running, load, self.window_seconds)
                    time.sleep(2)
                return {"p99_before": before["p99"], "p99": during["p99"],
                        "cpu_before": before["cpu"] / before["requests"] * 1e6,
                        "cpu": during["cpu"] / during["requests"] * 1e6,
                        "late_ms": self.latest(watch.seen, last_end)}
        finally:
            shutil.rmtree(state_dir, ignore_errors=True)

    def latest(self, seen, last_end):
        """Milliseconds. The sessions run out evenly over the window, and in their order; at the end
        only the users of the load are left."""
        others = seen[-1][1]
        if seen[0][1] < self.sessions or others > 1000:
            raise BenchError(f"{seen[0][1]} sessions at the start and {others} at the end")
        latest = 0
        for at, count in seen:
            left = count - others
            if left > 0:  # the first of those that are left should have ended at
                due = last_end - self.window_seconds * (left - 1) / self.sessions
                latest = max(latest, at - due)
        return latest * 1000


class Watch(Background):
    """The live sessions of all nodes and when they were read, ten times a second."""

    def __init__(self, running):
        super().__init__("cannot read the status")
        self.running = running
        self.seen = []

    def go_on(self):
        while not self.leaving.wait(0.1):
            live = self.read()
            self.seen.append((time.monotonic(), live))

    def read(self):
        pools = self.running.status()["pools"]
        return sum(node["sessions"]["live"] for pool in pools for node in pool["nodes"])
