"""The faults of the machine and of the nodes."""

import asyncio
import contextlib
import os
import random
import resource
import socket
import subprocess
import time

from .flood import Flood


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
