#!/usr/bin/env python3
"""Runs bonedry under load with one fault after another, and checks that users are served, the
admin socket answers, and no session is lost.

    ./dev floods [FAULT...] [--seconds N]

Exits with 1 if a check fails. A fault that cannot be caused on this machine is skipped, with a reason."""

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

USERS = 40
LONGEST_ADMIN_ANSWER = 1.0
IDLE_TIMEOUT = 3600


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def read_head(reader):
    return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")


class Node:
    """An application: says which node it is. `hangs`: reads and says nothing; `closes_early`: a
    millisecond after each answer, without having said so."""

    def __init__(self, name):
        self.name, self.port = name, free_port()
        self.hangs = self.closes_early = False
        self.users = set()

    async def start(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, backlog=1024)

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await read_head(reader)
                path = head.split(" ", 2)[1]
                while self.hangs:
                    await asyncio.sleep(0.1)
                if path.startswith("/user/"):
                    self.users.add(path)
                body = self.name.encode()
                writer.write(b"HTTP/1.1 200 OK\r\nX-Node: %s\r\nContent-Length: %d\r\n\r\n%s"
                             % (body, len(body), body))
                if self.closes_early:
                    await writer.drain()
                    await asyncio.sleep(0.001)
                    break
        writer.close()


class User:
    """A browser: keeps its cookie, its connection, and an account of what went wrong."""

    def __init__(self, number, flood):
        self.path, self.flood = f"/user/{number}", flood
        self.cookie = self.node = self.reader = self.writer = None
        self.clicks = 0

    async def click(self):
        if self.writer is None or self.writer.is_closing():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.flood.port)
        cookie = f"Cookie: {self.cookie}\r\n" if self.cookie else ""
        self.writer.write(f"GET {self.path} HTTP/1.1\r\nHost: shop.test\r\n{cookie}\r\n".encode())
        head = await read_head(self.reader)
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        await self.reader.readexactly(int(fields.get("Content-Length", 0)))
        status = int(head.split(" ", 2)[1])
        if "Set-Cookie" in fields:
            self.cookie = fields["Set-Cookie"].split(";", 1)[0]
        if fields.get("Connection", "").lower() == "close":
            self.writer.close()
        return status, fields.get("X-Node")

    async def live(self):
        while not self.flood.over:
            was = self.node
            try:
                status, node = await asyncio.wait_for(self.click(), 10)
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                self.flood.note_failure(self, f"{type(error).__name__} {error}")
                self.writer and self.writer.close()
                self.writer = None
                await asyncio.sleep(0.2)
                continue
            self.clicks += 1
            if status != 200:
                self.flood.note_failure(self, f"status {status}")
            else:
                if was is not None and node != was:
                    self.flood.note_move(self, was, node)
                self.node = node
            await asyncio.sleep(random.uniform(0.02, 0.2))


class Flood:
    """One trouble: what it needs of the config and the process, and what it does meanwhile."""

    name = ""
    tolerates_failures_on = ()

    def __init__(self, program, folder, seconds):
        self.program, self.folder, self.seconds = program, folder, seconds
        self.over = False
        self.failures, self.moves, self.slow, self.refused = [], [], [], []
        self.answers, self.slowest = 0, 0.0
        self.alice, self.bob = Node("alice"), Node("bob")
        self.port, self.process = free_port(), None
        self.held = []
        self.state = os.path.join(folder, "state")
        os.mkdir(self.state, 0o700)

    # What subclasses change.
    def reason_to_skip(self):
        return None

    def log(self):
        return 'access = "off"'

    def process_options(self):
        return {"stdout": subprocess.DEVNULL, "stderr": open(os.path.join(self.folder, "err"), "wb")}

    async def trouble(self):
        await asyncio.sleep(self.seconds)

    def clean_up(self):
        for one in self.held:
            with contextlib.suppress(OSError):
                one.close() if hasattr(one, "close") else os.close(one)

    # What all have.
    def note_failure(self, user, why):
        if user.node not in self.tolerates_failures_on:
            self.failures.append(f"{user.path} on {user.node}: {why}")

    def note_move(self, user, was, now):
        if was not in self.tolerates_failures_on:
            self.moves.append(f"{user.path} from {was} to {now}")

    def config(self):
        path = os.path.join(self.folder, "bonedry.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
[server]
workers = 2
state_dir = "{self.state}"
[admin]
socket = "{self.folder}/admin.sock"
[log]
{self.log()}
[timeouts]
response = "2s"
[[listener]]
address = "127.0.0.1:{self.port}"
pool = "shop"
[[pool]]
name = "shop"
[pool.session]
idle_timeout = "{IDLE_TIMEOUT}s"
[[pool.node]]
name = "alice"
address = "127.0.0.1:{self.alice.port}"
[[pool.node]]
name = "bob"
address = "127.0.0.1:{self.bob.port}"
""")
        return path

    async def order(self, line):
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_unix_connection(f"{self.folder}/admin.sock")
            writer.write(line.encode() + b"\n")
            answer = (await asyncio.wait_for(reader.read(-1), 30)).decode()
            writer.close()
        except (OSError, asyncio.TimeoutError) as error:
            self.refused.append(f"{line}: {type(error).__name__} {error}")
            return ""
        took = time.monotonic() - began
        self.answers += 1
        self.slowest = max(self.slowest, took)
        if took > LONGEST_ADMIN_ANSWER:
            self.slow.append(f"{line}: {took:.1f} s")
        return answer

    async def operate(self):
        """Looks all the time, and takes one node and then the other out of rotation and back."""
        turn = 0
        while not self.over:
            await self.order("status json")
            turn += 1
            if turn % 10 == 0:
                node = "alice" if turn % 20 == 0 else "bob"
                await self.order(f"bleed {node} --force --reason flood")
                await self.order("sessions shop/" + node)
                answer = await self.order("activate " + node)
                self.expect_done(answer)
            await asyncio.sleep(0.2)

    def expect_done(self, answer):
        if answer.startswith("error"):
            self.refused.append(answer.strip())

    async def run(self):
        await self.alice.start()
        await self.bob.start()
        self.process = subprocess.Popen([self.program, "--config", self.config()],
                                        **self.process_options())
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        users = [User(number, self) for number in range(USERS)]
        tasks = [asyncio.create_task(user.live()) for user in users]
        await asyncio.sleep(1)
        operator = asyncio.create_task(self.operate())
        await self.trouble()
        self.over = True
        await asyncio.gather(operator, *tasks)
        found = self.check(users, json.loads(await self.order("status json")))
        self.process.send_signal(signal.SIGTERM)
        try:
            if await asyncio.to_thread(self.process.wait, 40) != 0:
                found.append("bonedry did not exit with 0")
        except subprocess.TimeoutExpired:
            found.append("bonedry did not exit after SIGTERM")
            self.process.kill()
        self.clean_up()
        clicks = sum(user.clicks for user in users)
        print(f"{self.name}: {clicks} clicks, {len(self.failures)} failed, {len(self.moves)} moved; "
              f"{self.answers} admin answers, the slowest took {self.slowest * 1000:.0f} ms")
        for what in found:
            print("  " + what)
        return not found

    def check(self, users, status):
        found = []
        for what, all_of_it in (("failed", self.failures), ("moved", self.moves),
                                ("slow admin answer", self.slow), ("refused by admin", self.refused)):
            if all_of_it:
                found.append(f"{what} {len(all_of_it)} times, first: {all_of_it[0]}")
        for node in status["pools"][0]["nodes"]:
            here = sum(1 for user in users if user.node == node["name"])
            counted = node["sessions"]["live"] + node["sessions"]["pending"]
            if node["name"] not in self.tolerates_failures_on and counted != here:
                found.append(f"{node['name']} has {here} users, but reports {counted} sessions")
        return found


def full_pipe():
    """A pipe that is full and that nobody reads; returns both ends."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    return reader, writer


class UnreadStandardError(Flood):
    name = "standard error not read"

    def process_options(self):
        self.held = list(full_pipe())
        return {"stdout": subprocess.DEVNULL, "stderr": self.held[1]}


class UnreadStandardOutput(Flood):
    name = "standard output not read"

    def log(self):
        return 'access = "stdout"\nformat = "json"'

    def process_options(self):
        self.held = list(full_pipe())
        return {**super().process_options(), "stdout": self.held[1]}


class NoDescriptors(Flood):
    name = "no free descriptors"

    def process_options(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
        return {**super().process_options(), "preexec_fn": limit}

    async def trouble(self):
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                one = socket.create_connection(("127.0.0.1", self.port), timeout=1)
                one.sendall(b"GET / HTTP/1.1\r\n")
                self.held.append(one)
            if len(self.held) > 700:
                for old in self.held[:100]:
                    old.close()
                del self.held[:100]
            await asyncio.sleep(0.005)


class FullDisk(Flood):
    name = "disk full"

    def reason_to_skip(self):
        if os.geteuid() != 0:
            return "only root can mount a small disk"
        tried = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0700", "flood",
                                self.state], capture_output=True, check=False)
        return tried.stderr.decode().strip() if tried.returncode else None

    async def trouble(self):
        filler = os.path.join(self.state, "filler")
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
                while True:
                    file.write(b"x" * 4096)
            await asyncio.sleep(2)
            os.remove(filler)
            await asyncio.sleep(1)

    def expect_done(self, answer):
        """Nothing can be written down: a command says so and changes nothing."""
        if answer.startswith("error") and "No space left" not in answer and "active already" not in answer:
            super().expect_done(answer)

    async def run(self):
        try:
            return await super().run()
        finally:
            subprocess.run(["umount", "-l", self.state], check=False)


class HangingNode(Flood):
    name = "a node that hangs"
    tolerates_failures_on = ("alice",)

    async def trouble(self):
        self.alice.hangs = True
        await asyncio.sleep(self.seconds)
        self.alice.hangs = False

    def note_failure(self, user, why):
        # Who has no node yet may have been sent to the one that hangs.
        if user.node is not None:
            super().note_failure(user, why)


class EarlyClosingNode(Flood):
    name = "a node that closes early"

    async def trouble(self):
        self.alice.closes_early = self.bob.closes_early = True
        await asyncio.sleep(self.seconds)


class JumpingClocks(Flood):
    name = "clock jumps"
    library = "/usr/lib/%s-linux-gnu/faketime/libfaketime.so.1" % os.uname().machine

    def reason_to_skip(self):
        return None if os.path.exists(self.library) else "the package libfaketime is not installed"

    def process_options(self):
        self.clock = os.path.join(self.folder, "clock")
        self.set_clock(0)
        return {**super().process_options(),
                "env": {**os.environ, "LD_PRELOAD": self.library, "FAKETIME_NO_CACHE": "1",
                        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
                        "FAKETIME_TIMESTAMP_FILE": self.clock}}

    def set_clock(self, by):
        with open(self.clock + ".new", "w", encoding="utf-8") as file:
            file.write(f"{by:+d}\n")
        os.rename(self.clock + ".new", self.clock)

    async def trouble(self):
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            self.set_clock(random.choice((-86400, -3600, -20, 0, 20, 3600, 86400)))
            await asyncio.sleep(1)


FLOODS = (UnreadStandardError, UnreadStandardOutput, NoDescriptors, FullDisk, HangingNode,
          EarlyClosingNode, JumpingClocks)


def main():
    parser = argparse.ArgumentParser(prog="./dev floods", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trouble", nargs="*", metavar="FAULT", help="part of a name; known faults: " +
                        ", ".join(flood.name for flood in FLOODS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--program", default="build/release/bonedry")
    options = parser.parse_args()
    chosen = [flood for flood in FLOODS
              if not options.trouble or any(word in flood.name for word in options.trouble)]
    if not chosen:
        parser.error("unknown fault")
    good = True
    for flood in chosen:
        folder = tempfile.mkdtemp(prefix="bonedry-flood-")
        one = flood(os.path.abspath(options.program), folder, options.seconds)
        reason = one.reason_to_skip()
        if reason:
            print(f"{flood.name}: skipped: {reason}")
        else:
            good = asyncio.run(one.run()) and good
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
