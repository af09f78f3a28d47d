"""A node that keeps every byte it gets, and calls wrong whatever it would have to interpret: a
smuggled request shows as one request too many, or as one that no parser should have to read."""

import asyncio
import re
import socket
import threading

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") (/[\x21-\x22\x24-\x7e]*|\*) HTTP/1\.1")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
                   rb"[\x21-\x7e\x80-\xff])?|)[ \t]*")
CHUNK_LINE = re.compile(rb"([0-9a-fA-F]{1,8})(?:;[\x20-\x7e]*)?")
PIECE = b"x" * 65536
LARGEST_HEAD = 2 * 1024 * 1024


class Request:
    """What came of one request. `problem`: why it is not one well-formed HTTP/1.1 message."""

    def __init__(self, node):
        self.node = node
        self.head = b""
        self.method = self.target = b""
        self.fields = []
        self.body = bytearray()
        self.trailers = []
        self.complete = False
        self.cut = False  # the connection ended before the message did
        self.problem = None

    def values(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __str__(self):
        state = self.problem or ("complete" if self.complete else "incomplete")
        return f"{self.head!r} + {bytes(self.body[:200])!r} ({state})"


class Node:
    """Nodes on several ports, in one thread. A path decides what is answered:

    /b/SIZE       so many bytes with a length
    /chunked/SIZE the same in a chunk
    /head/SIZE    "ok", and a field of so many bytes
    /wait...      nothing until `release`
    /hold...      neither is the body read until then
    /early...     "ok" before the body, which is never read; the connection is of no use then
    anything      "ok"

    `receive_buffer`: of the kernel, for a node that is to hold an upload up soon.
    """

    def __init__(self, count=2, receive_buffer=None):
        self.receive_buffer = receive_buffer
        self.requests = []
        self.lock = threading.Condition()
        self.connections = set()
        self.waiting = []
        self.loop = asyncio.new_event_loop()
        self.ports = []
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(count, started), daemon=True)
        self.thread.start()
        started.wait()

    def _run(self, count, started):
        asyncio.set_event_loop(self.loop)
        servers = []
        for number in range(count):
            listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
            if self.receive_buffer:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
            server = self.loop.run_until_complete(self.loop.create_server(
                lambda number=number: NodeConnection(self, number), sock=listener))
            servers.append(server)
            self.ports.append(server.sockets[0].getsockname()[1])
        started.set()
        self.loop.run_forever()
        for one in [*servers, *(connection.transport for connection in self.connections)]:
            one.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def take(self):
        """The requests since the last call. All that bonedry had sent is among them, if a response
        was received meanwhile: what is ready on any connection is read before one is answered."""
        with self.lock:
            taken, self.requests = self.requests, []
        return taken

    def await_waiting(self, count=1, seconds=10.0):
        """Until so many requests wait for `release`. False when they did not come in time."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.waiting) >= count, seconds)

    def wait(self, action):
        with self.lock:
            self.waiting.append(action)
            self.lock.notify_all()

    def release(self):
        """Answers those that wait, and reads on."""
        self.loop.call_soon_threadsafe(self._release)

    def _release(self):
        with self.lock:
            waiting, self.waiting = self.waiting, []
        for action in waiting:
            action()

    def add(self, request):
        with self.lock:
            self.requests.append(request)


class NodeConnection(asyncio.Protocol):
    """Reads one request after the other."""

    def __init__(self, node, number):
        self.node = node
        self.number = number
        self.transport = None
        self.buffer = bytearray()
        self.request = None
        self.step = self._read_head
        self.left = 0
        self.body = None
        self.paused = False

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.node.connections.add(self)

    def connection_lost(self, _):
        self.node.connections.discard(self)
        if self.request:
            self.request.cut = True

    def data_received(self, chunk):
        self.buffer += chunk
        while self.step():
            pass

    def _line(self):
        end = self.buffer.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self.buffer[:end])
        del self.buffer[:end + 2]
        return line

    def _wrong(self, problem):
        self.request.problem = problem
        self.step = lambda: False
        self.transport.close()
        return False

    def _read_head(self):
        if not self.buffer:
            return False
        if not self.request:
            self.request = Request(self.number)
            self.node.add(self.request)
        end = self.buffer.find(b"\r\n\r\n")
        self.request.head = bytes(self.buffer[:end + 4 if end >= 0 else len(self.buffer)])
        if end < 0:
            return self._wrong("an endless head") if len(self.buffer) > LARGEST_HEAD else False
        del self.buffer[:end + 4]
        problem = self._parse(self.request.head[:-4])
        if problem:
            return self._wrong(problem)
        if self.request.values(b"expect"):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.request.target.startswith(b"/hold"):
            self._hold()
        if self.request.target.startswith(b"/early"):
            self.step = lambda: False
            self.transport.pause_reading()
            self.node.loop.call_soon(self._respond, self.request)
        return True

    def _hold(self):
        """Reads nothing more, not even what has come already, until `release`."""
        step, self.step = self.step, lambda: False
        self.transport.pause_reading()

        def go_on():
            self.step = step
            if not self.transport.is_closing():
                self.transport.resume_reading()
                self.data_received(b"")
        self.node.wait(go_on)

    def _parse(self, head):
        first, *lines = head.split(b"\r\n")
        request = self.request
        match = REQUEST_LINE.fullmatch(first)
        if not match:
            return f"a request line {first!r}"
        request.method, request.target = match.groups()
        for line in lines:
            field = FIELD.fullmatch(line)
            if not field:
                return f"a field {line!r}"
            request.fields.append(field.groups())
        if len(request.values(b"host")) != 1:
            return "not exactly one Host"
        codings, lengths = request.values(b"transfer-encoding"), request.values(b"content-length")
        if codings and (lengths or codings != [b"chunked"]):
            return f"Transfer-Encoding {codings} with Content-Length {lengths}"
        if len(lengths) > 1 or not all(re.fullmatch(rb"\d{1,19}", one) for one in lengths):
            return f"Content-Length {lengths}"
        self.left = int(lengths[0]) if lengths else 0
        self.step = self._read_chunk_line if codings else self._read_body
        return None

    def _read_body(self):
        taken = self.buffer[:self.left]
        self.request.body += taken
        del self.buffer[:len(taken)]
        self.left -= len(taken)
        return not self.left and self._complete()

    def _read_chunk_line(self):
        line = self._line()
        if line is None:
            return False
        match = CHUNK_LINE.fullmatch(line)
        if not match:
            return self._wrong(f"a chunk line {line!r}")
        self.left = int(match.group(1), 16)
        self.step = self._read_chunk if self.left else self._read_trailers
        return True

    def _read_chunk(self):
        if len(self.buffer) < self.left + 2:
            return False
        self.request.body += self.buffer[:self.left]
        if self.buffer[self.left:self.left + 2] != b"\r\n":
            return self._wrong("a chunk without its end")
        del self.buffer[:self.left + 2]
        self.step = self._read_chunk_line
        return True

    def _read_trailers(self):
        line = self._line()
        if line is None:
            return False
        if not line:
            return self._complete()
        field = FIELD.fullmatch(line)
        if not field:
            return self._wrong(f"a trailer {line!r}")
        self.request.trailers.append(field.groups())
        return True

    def _complete(self):
        self.request.complete = True
        request, self.request, self.step = self.request, None, self._read_head
        # In the next iteration, so that all that is ready on other connections is recorded before.
        if request.target.startswith(b"/wait"):
            self.node.wait(lambda: self._respond(request))
        else:
            self.node.loop.call_soon(self._respond, request)
        return True

    def _respond(self, request):
        if self.transport.is_closing():
            return
        sized = re.fullmatch(rb"/(b|chunked|head)/(\d+)", request.target)
        kind, size = (sized.group(1), int(sized.group(2))) if sized else (b"", 0)
        fields = b"X-Node: %d\r\n" % self.number
        if kind == b"chunked":
            fields += b"Transfer-Encoding: chunked\r\n"
            before, after = b"%x\r\n" % size, b"\r\n0\r\n\r\n"
        else:
            before, after = b"", b"" if kind == b"b" else b"ok\n"
            fields += b"Content-Length: %d\r\n" % (size if kind == b"b" else len(after))
        if kind == b"head":
            fields += b"X-Large: %s\r\n" % (b"a" * size)
        head = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n"
        if request.method == b"HEAD":
            self.transport.write(head)
            return
        left = size if kind in (b"b", b"chunked") else 0
        first = PIECE[:left]  # with the head, so that a small response arrives as a whole
        self.body = (left - len(first), after)
        self.transport.write(head + before + first)
        self._write_body()

    def _write_body(self):
        """In pieces, so that a large body takes no memory while the client does not read it."""
        while self.body and not self.paused and not self.transport.is_closing():
            left, after = self.body
            if left:
                self.body = (max(0, left - len(PIECE)), after)
                self.transport.write(PIECE[:left])
            else:
                self.body = None
                self.transport.write(after)

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self._write_body()
