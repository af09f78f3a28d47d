"""Clients that are as slow as can be, and what they do to the others."""

import itertools
import os
import socket
import statistics
import time

from .load import Load
from .machine import Background

HEAD = b"GET /b/64 HTTP/1.1\r\nHost: shop.example\r\nX-Slow: " + b"x" * 3600 + b"\r\n\r\n"
UPLOAD = b"POST /slow HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 1000000\r\n\r\n"
# Longer ones fill the kernel with what the origin has said, and its shortage is all that is measured.
DOWNLOAD = b"GET /b/1048576 HTTP/1.1\r\nHost: shop.example\r\n\r\n"
SLICES = 50  # of a second: a crowd that does its all at once would be a wave, not a crowd


class Slow:
    """One client: `at_once` is sent at the start, then one byte a second goes or comes."""

    def __init__(self, port, at_once, drip):
        self.port = port
        self.at_once = at_once
        self.drip = drip
        self.connects = 0
        self.connect()

    def connect(self):
        self.client = socket.socket()
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.client.connect(("127.0.0.1", self.port))
        self.client.setblocking(False)
        self.left = iter(self.drip)
        self.connects += 1
        if self.at_once:
            self.client.send(self.at_once)

    def step(self):
        """A proxy may lose patience with it: then it comes again."""
        try:
            byte = next(self.left, None)
            if byte is not None:
                self.client.send(bytes([byte]))
            elif not self.client.recv(1):
                raise ConnectionResetError
        except BlockingIOError:
            pass
        except OSError:
            self.client.close()
            self.connect()


class SlowCrowd(Background):
    """A third each sends a head, sends a body, and reads an answer, all at a byte a second."""

    def __init__(self, port, count, core):
        super().__init__("the slow clients failed")
        self.core = core
        kinds = itertools.cycle([(b"", HEAD), (UPLOAD, b"x" * 3600), (DOWNLOAD, b"")])
        self.clients = [Slow(port, *kind) for kind in itertools.islice(kinds, count)]

    def go_on(self):
        os.sched_setaffinity(0, self.core)  # this thread, so that the proxy has its core alone
        for turn in itertools.count():
            for slow in self.clients[turn % SLICES::SLICES]:
                slow.step()
            if self.leaving.wait(1 / SLICES):
                return

    def end(self):
        for slow in self.clients:
            slow.client.close()


def in_turn(bench, alone, beside):
    """The figures of all rounds, without and with what may slow others down."""
    figures = {"alone": [], "beside": []}
    for number in range(bench.rounds):
        sides = [("alone", alone), ("beside", beside)]
        for side, measure in sides if number % 2 == 0 else reversed(sides):
            figures[side].append(measure())
    return figures


def latencies(figures):
    """The part of a row that compares the two sides."""
    def median(side, figure):
        return statistics.median(f[figure] for f in figures[side])
    return {"p99_alone_us": median("alone", "p99"), "p99_us": median("beside", "p99"),
            "p99_growth": median("beside", "p99") / median("alone", "p99"),
            "p50_us": median("beside", "p50"),
            "per_second": statistics.median(f["requests"] / f["seconds"]
                                            for f in figures["beside"])}


class DisturbedCase:
    """The p99 of fast clients at an equal load, without and with others that disturb them, in turn.
    `of_one` measures one proxy."""

    settle_seconds = 2

    def __init__(self, goals):
        self.goals = goals

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy) for proxy in bench.proxies if proxy.sticky}


class SlowCase(DisturbedCase):
    """Disturbed by slow clients."""

    about = "64 fast clients (20 ms pauses), with and without 1,000 slow ones (1 byte per second)"
    slow_clients = 1000

    def of_one(self, bench, proxy):
        load = Load(pause_ms=20)
        with bench.running([proxy], load.users) as (running,):
            bench.measure(running, load, 1)
            at_start = running.process.resident_bytes()
            figures = in_turn(bench, lambda: self.alone(bench, running, load),
                              lambda: self.beside(bench, running, load))
        resident = max(f["resident"] for f in figures["beside"])
        return {**latencies(figures), "bytes_each": (resident - at_start) / self.slow_clients,
                "resident": resident}

    def alone(self, bench, running, load):
        time.sleep(self.settle_seconds)
        return bench.measure(running, load, bench.seconds)

    def beside(self, bench, running, load):
        with SlowCrowd(running.port, self.slow_clients, bench.load_core):
            time.sleep(self.settle_seconds)
            return bench.measure(running, load, bench.seconds)
