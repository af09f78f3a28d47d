"""HTTP/2 clients that only cost, and what they do to the others."""

import os
import socket
import subprocess
import sys
import time

from .load import Load
from .machine import BenchError
from .slow import DisturbedCase, in_turn, latencies

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 2, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
# GET http://shop.example/b/64 without a table (RFC 7541, appendix A).
BLOCK = b"\x82\x86\x41\x0cshop.example\x44\x05/b/64"
POST_BLOCK = b"\x83" + BLOCK[1:]
BATCH = 1000
CONNECTIONS = 8
# Connections a second: those that are cut off come again, but do not make it a flood of connects.
RECONNECTS = 50


def frame(kind, flags, stream, payload=b""):
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") +
            payload)


def streams():
    return range(1, 2 * BATCH, 2)


def floods():
    """What one connection sends, again and again until it is cut off, by name. The first part once."""
    begun = frame(HEADERS, END_HEADERS, 1, POST_BLOCK)
    return {
        "reset": (b"", b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream, BLOCK) +
                                frame(RST_STREAM, 0, stream, b"\0\0\0\x08") for stream in streams())),
        "ping": (b"", frame(PING, 0, 0, b"12345678") * BATCH),
        "settings": (b"", frame(SETTINGS, 0, 0) * BATCH),
        "priority": (b"", frame(PRIORITY, 0, 3, b"\0\0\0\x01\x10") * BATCH),
        "empty data": (begun, frame(DATA, 0, 1) * BATCH),
        "continuation": (frame(HEADERS, 0, 1, BLOCK), frame(CONTINUATION, 0, 1) * BATCH),
        "errors": (b"", b"".join(frame(HEADERS, END_HEADERS | END_STREAM, stream,
                                       BLOCK + b"\x00\x01X\x01y") for stream in streams())),
    }


def flood_once(port, first, again):
    """Sends until it is cut off; the bytes that went."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        try:
            client.sendall(PREFACE + frame(SETTINGS, 0, 0) + first)
            # Ids of streams must not repeat: one batch is more than is allowed at all.
            for _ in range(64):
                client.sendall(again)
                sent += len(again)
                client.setblocking(False)
                try:
                    while client.recv(1 << 16):
                        pass
                    break
                except BlockingIOError:
                    pass
                client.settimeout(5)
        except OSError:
            pass
    return sent


def main(port):
    """Floods from a process of its own until its standard input ends."""
    print("READY", flush=True)
    os.set_blocking(0, False)
    kinds = list(floods().values())
    turn = 0
    while True:
        try:
            if os.read(0, 1) == b"":
                return
        except BlockingIOError:
            pass
        flood_once(port, *kinds[turn % len(kinds)])
        turn += 1
        time.sleep(CONNECTIONS / RECONNECTS)


class Flood:
    """Flooding connections inside a `with`, one in each of some processes."""

    def __init__(self, bench, running):
        self.bench = bench
        self.running = running
        self.processes = []

    def __enter__(self):
        for _ in range(CONNECTIONS):
            process = subprocess.Popen(
                [sys.executable, "-m", "comparing.http2_floods", str(self.running.port)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                preexec_fn=self.run_behind_the_load)
            self.processes.append(process)
            if process.stdout.readline() != "READY\n":
                raise BenchError("a flood of HTTP/2 ended by itself")
        return self

    def run_behind_the_load(self):
        """See HandshakeFlood."""
        os.sched_setaffinity(0, self.bench.load_core)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))

    def __exit__(self, *_):
        for process in self.processes:
            process.communicate()


class Http2FloodCase(DisturbedCase):
    """Clients of HTTP/1.1, disturbed by floods of HTTP/2 on the same listener. Of bonedry alone: the
    others have no listener for both without TLS."""

    about = ("64 fast clients (20 ms pauses), with and without 8 connections that flood with HTTP/2 frames, "
             "each cut off and coming again")

    def run(self, bench):
        return {proxy.name: self.of_one(bench, proxy) for proxy in bench.proxies
                if proxy.keeps_ledger}

    def of_one(self, bench, proxy):
        load = Load(pause_ms=20)
        with bench.running([proxy], load.users, http2=True) as (running,):
            running.http2 = False  # of the load
            bench.measure(running, load, 1)
            at_start = running.process.resident_bytes()
            figures = in_turn(bench, lambda: self.alone(bench, running, load),
                              lambda: self.beside(bench, running, load))
        resident = max(f["resident"] for f in figures["beside"])
        return {**latencies(figures), "bytes_each": (resident - at_start) / CONNECTIONS,
                "resident": resident}

    def alone(self, bench, running, load):
        time.sleep(self.settle_seconds)
        return bench.measure(running, load, bench.seconds)

    def beside(self, bench, running, load):
        with Flood(bench, running):
            time.sleep(self.settle_seconds)
            return bench.measure(running, load, bench.seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
