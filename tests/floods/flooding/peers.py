"""Who is at both ends of the program: the nodes and the users."""

import asyncio
import contextlib
import random
import socket


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

    pauses = (0.02, 0.2)  # seconds between two clicks

    def __init__(self, number, flood):
        self.path, self.flood = f"/user/{number}", flood
        self.cookie = self.node = self.reader = self.writer = None
        self.clicks = 0

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.flood.port)

    async def click(self):
        if self.writer is None or self.writer.is_closing():
            await self.connect()
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
            await asyncio.sleep(random.uniform(*self.pauses))
