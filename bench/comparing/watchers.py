"""Browsers that watch the dashboard, and Prometheus, and what they cost."""

import http.client
import os
import selectors
import socket
import time

from .load import Load
from .machine import Background, BenchError, free_port
from .slow import DisturbedCase, in_turn, latencies

STREAM = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
STATUS = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


class Watchers(Background):
    """Browsers with a stream each of events, and `statuses` of them of the status as well; a scrape
    each second."""

    def __init__(self, port, browsers, statuses, core):
        super().__init__("the watchers failed")
        self.port = port
        self.core = core
        self.received = 0
        self.scrapes = []
        self.selector = selectors.DefaultSelector()
        for request in [STREAM] * browsers + [STATUS] * statuses:
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(request)
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ)

    def go_on(self):
        # This thread behind the load, on its core: see HandshakeFlood.
        os.sched_setaffinity(0, self.core)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        next_scrape = time.monotonic()
        while not self.leaving.is_set():
            for key, _ in self.selector.select(0.05):
                data = key.fileobj.recv(262144)
                if not data:
                    raise ValueError("a stream has ended")
                self.received += len(data)
            if time.monotonic() >= next_scrape:
                next_scrape += 1
                self.scrapes.append(scrape(self.port))

    def end(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def scrape(port):
    """Seconds until the metrics have been read."""
    begin = time.monotonic()
    door = http.client.HTTPConnection("127.0.0.1", port)
    door.request("GET", "/metrics")
    response = door.getresponse()
    text = response.read()
    door.close()
    if response.status != 200 or b"bonedry_" not in text:
        raise ValueError(f"/metrics answers {response.status}")
    return time.monotonic() - begin


class WatchersCase(DisturbedCase):
    """Disturbed by watchers; their CPU is measured without the load. `goals` are of bonedry, the only
    one that has a door of this kind."""

    about = "64 fast clients (20 ms pauses), with and without 200 event streams and a scrape each second"
    browsers = 200

    def __init__(self, statuses, goals):
        super().__init__(goals)
        self.statuses = statuses

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy)
                for proxy in bench.proxies if proxy.keeps_ledger}

    def of_one(self, bench, proxy):
        load = Load(pause_ms=20)
        door = free_port()
        with bench.running([proxy], load.users, http_port=door) as (running,):
            bench.measure(running, load, 1)
            idle = self.cpu_share(running, bench)
            with self.watchers(bench, door) as watching:
                time.sleep(self.settle_seconds)
                watched = self.cpu_share(running, bench)
            if not watching.received:
                raise BenchError("the streams are silent")
            figures = in_turn(bench, lambda: bench.measure(running, load, bench.seconds),
                              lambda: self.beside(bench, running, load, door))
        return {**latencies(figures), "cpu_share": watched - idle,
                "scrape_ms": max(watching.scrapes) * 1000}

    def watchers(self, bench, door):
        return Watchers(door, self.browsers, self.statuses, bench.load_core)

    @staticmethod
    def cpu_share(running, bench):
        """Part of one core, over some seconds."""
        seconds = max(5, 2 * bench.seconds)
        before = running.process.cpu_seconds()
        time.sleep(seconds)
        return (running.process.cpu_seconds() - before) / seconds

    def beside(self, bench, running, load, door):
        with self.watchers(bench, door) as watching:
            time.sleep(self.settle_seconds)
            before, began = len(watching.scrapes), time.monotonic()
            figures = bench.measure(running, load, bench.seconds)
            if len(watching.scrapes) - before < int(time.monotonic() - began) - 1:
                raise BenchError("the scrapes are late")
            return figures
