"""A client of one HTTP/2 connection that sends what a test says and remembers all that comes."""

import select
import socket
import struct
import time

import hpack

from .wire import (ACK, END_STREAM, INITIAL_WINDOW, PADDED, PREFACE, PRIORITY_FLAG,
                   SMALLEST_FRAME_LIMIT, Code, Kind, Setting, frame, headers, padded, ping, request,
                   settings, settings_ack, window_update)

DEADLINE = 10.0  # seconds: what takes longer has failed
READ_SIZE = 256 * 1024
# The HPACK table of requests is the server's; that of responses is ours, at its default size.
LARGEST_RESPONSE_HEAD = 1024 * 1024


class Failed(AssertionError):
    """bonedry did not do what it should; the text says what was awaited and what had come."""


class Stream:
    """What has come on one stream. `heads` are all of its header blocks: interim responses, the
    response, trailers."""

    def __init__(self):
        self.heads = []
        self.body = bytearray()
        self.ended = False
        self.reset = None

    @property
    def over(self):
        return self.ended or self.reset is not None

    @property
    def status(self):
        for head in self.heads:
            status = dict(head).get(b":status", b"")
            if status and not status.startswith(b"1"):
                return int(status)
        return None

    def field(self, name):
        return [value for head in self.heads for key, value in head if key == name]

    def __str__(self):
        parts = []
        if self.status:
            parts.append(f"status {self.status}, {len(self.body)} bytes")
        if self.ended:
            parts.append("ended")
        if self.reset is not None:
            parts.append(f"RST_STREAM {name_of(self.reset)}")
        return ", ".join(parts) or "nothing"


class Client:
    """Sends frames and reads them. `answers`: whether it acknowledges SETTINGS and PING; `refill`:
    whether it gives back the window of what it has read. `greeting` replaces preface and
    SETTINGS."""

    def __init__(self, address, options=(), greeting=None, answers=True, refill=True, tls=None,
                 receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="shop.example")
        self.socket.setblocking(False)
        self.answers = answers
        self.refill = refill
        self.decoder = hpack.Decoder(LARGEST_RESPONSE_HEAD)
        self.received = bytearray()
        self.outgoing = bytearray()
        self.block = bytearray()
        self.streams = {}
        self.frames = []  # (kind, stream, flags, size) of each
        self.settings = {}
        self.settings_acks = 0
        self.pings = 0
        self.windows = {}  # increments of WINDOW_UPDATE, by stream
        self.spent = {}  # bytes of DATA that `upload` has sent, by stream
        self.unread = set()  # streams whose window is not given back
        self.goaway = None
        self.goaways = []
        self.closed = None  # "end" or "reset"
        self.next_id = 1
        self.send(PREFACE + settings(options) if greeting is None else greeting)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # -- Sending ----------------------------------------------------------------------------------

    def send(self, *parts):
        """Sends all, while it reads what comes. False when the connection ended before."""
        self.outgoing += b"".join(parts)
        deadline = time.monotonic() + DEADLINE
        while self.outgoing and not self.closed:
            self._flush()
            if self.outgoing and not self._wait(deadline):
                raise Failed(f"bonedry does not read: {len(self.outgoing)} bytes are left")
            self._read()
        return not self.closed

    def send_without_reading(self, chunk, most, patience=1.0):
        """Sends `chunk` again and again, up to `most` bytes in all, and reads nothing, until the
        connection ends or takes no byte for `patience` seconds. How many it took."""
        sent, at = 0, 0
        while sent < most and not self.closed:
            taken = self._write(memoryview(chunk)[at:])
            sent, at = sent + taken, (at + taken) % len(chunk)
            if not taken and not select.select([], [self.socket], [], patience)[1]:
                break
        return sent

    def open(self, fields=None, flags=None, **options):
        """Begins a stream; its id."""
        stream, self.next_id = self.next_id, self.next_id + 2
        fields = request() if fields is None else fields
        self.send(headers(stream, fields, **({} if flags is None else {"flags": flags}), **options))
        return stream

    def upload(self, stream, size, padding=None, most=SMALLEST_FRAME_LIMIT, patience=DEADLINE):
        """Sends so many bytes of a body as bonedry's windows allow, each frame with so many bytes
        of padding; how many these took until bonedry gave no wider ones within `patience`
        seconds."""
        overhead = 0 if padding is None else padding + 1
        sent = 0
        while sent < size and self.wait_for(lambda: self.room(stream) > overhead, patience):
            piece = min(size - sent, most - overhead, self.room(stream) - overhead)
            payload = b"x" * piece
            if padding is not None:
                payload = padded(payload, b"\0" * padding)
            self.spend(stream, len(payload))
            self.send(frame(Kind.DATA, stream, payload, PADDED if overhead else 0))
            sent += piece
        return sent

    def spend(self, stream, size):
        for one in (0, stream):
            self.spent[one] = self.spent.get(one, 0) + size

    def room(self, stream):
        """Bytes of DATA that bonedry's windows allow now."""
        return min(self.connection_window - self.spent.get(0, 0),
                   self.stream_window(stream) - self.spent.get(stream, 0))

    def get(self, path=b"/good", extra=()):
        """A request and its whole response."""
        stream = self.open(request(path=path, extra=extra))
        return self.finish(stream)

    # -- Reading ----------------------------------------------------------------------------------

    def finish(self, stream):
        self.read_until(lambda: self.stream(stream).over, f"the end of stream {stream}")
        return self.stream(stream)

    def stream(self, stream):
        return self.streams.setdefault(stream, Stream())

    def read_until(self, condition, what, seconds=DEADLINE):
        """Reads until `condition`, which must come before the connection's end."""
        if not self.wait_for(condition, seconds):
            raise Failed(f"{what} did not come; there was: {self}")

    def wait_for(self, condition, seconds=DEADLINE):
        """False when the connection ended, or the time was over, before `condition` came."""
        deadline = time.monotonic() + seconds
        while not condition():
            if self.closed or not self._wait(deadline):
                return condition()
            self._read()
        return True

    def read_to_the_end(self):
        if not self.wait_for(lambda: self.closed):
            raise Failed(f"the connection stays open; there was: {self}")

    def round_trip(self):
        """Everything sent before has been read by bonedry afterwards."""
        before = self.pings
        self.send(ping())
        self.read_until(lambda: self.pings > before, "the answer to a PING")

    def _wait(self, deadline):
        """Until there is something to read, or to write where something is to be sent."""
        pending = getattr(self.socket, "pending", None)
        if pending and pending():
            return True
        left = max(0.0, deadline - time.monotonic())
        ready = select.select([self.socket], [self.socket] if self.outgoing else [], [], left)
        return bool(ready[0] or ready[1])

    def _flush(self):
        if self.outgoing:
            del self.outgoing[:self._write(bytes(self.outgoing[:READ_SIZE]))]

    def _write(self, view):
        try:
            return self.socket.send(view)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            if not would_block(error):
                self._drain()
                self.closed = self.closed or "reset"
            return 0

    def _drain(self):
        """What had arrived before the connection broke, which a GOAWAY may be part of."""
        for _ in range(64):
            if self.closed or not self._read():
                return

    def _read(self):
        try:
            chunk = self.socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            if not would_block(error):
                self.closed = "reset"
            return False
        if not chunk:
            self.closed = "end"
        self.received += chunk
        self._take_frames()
        return bool(chunk)

    def _take_frames(self):
        at, replies, owed = 0, [], 0
        while len(self.received) - at >= 9:
            word, flags, stream = struct.unpack_from(">IBI", self.received, at)
            size = word >> 8
            if len(self.received) - at - 9 < size:
                break
            payload = bytes(self.received[at + 9:at + 9 + size])
            at += 9 + size
            self.frames.append((word & 255, stream, flags, size))
            owed += self._take(word & 255, stream, flags, payload, replies)
        del self.received[:at]
        if self.refill and owed:
            replies.append(window_update(0, owed))
        self.outgoing += b"".join(replies)
        self._flush()

    def _take(self, kind, stream, flags, payload, replies):
        """Notes one frame. Bytes of the connection's window that it took."""
        if kind in (Kind.HEADERS, Kind.CONTINUATION):
            self._take_block(kind, stream, flags, payload)
        elif kind == Kind.DATA:
            self.stream(stream).body += without_padding(payload, flags)
            self.stream(stream).ended |= bool(flags & END_STREAM)
            if self.refill and payload and not flags & END_STREAM and stream not in self.unread:
                replies.append(window_update(stream, len(payload)))
            return len(payload)
        elif kind == Kind.RST_STREAM:
            self.stream(stream).reset = struct.unpack(">I", payload)[0]
        elif kind == Kind.SETTINGS and flags & ACK:
            self.settings_acks += 1
        elif kind == Kind.SETTINGS:
            self.settings.update(struct.iter_unpack(">HI", payload))
            if self.answers:
                replies.append(settings_ack())
        elif kind == Kind.PING and flags & ACK:
            self.pings += 1
        elif kind == Kind.PING and self.answers:
            replies.append(frame(Kind.PING, 0, payload, ACK))
        elif kind == Kind.WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, 0) + struct.unpack(">I", payload)[0]
        elif kind == Kind.GOAWAY:
            self.goaway = struct.unpack_from(">II", payload)
            self.goaways.append(self.goaway)
        return 0

    def _take_block(self, kind, stream, flags, payload):
        if kind == Kind.HEADERS:
            payload = without_padding(payload, flags)
            if flags & PRIORITY_FLAG:
                payload = payload[5:]
            self.ends_stream = bool(flags & END_STREAM)
        self.block += payload
        if flags & 0x4:
            self.stream(stream).heads.append(
                [(bytes(k), bytes(v)) for k, v in self.decoder.decode(bytes(self.block), raw=True)])
            self.block.clear()
            self.stream(stream).ended |= self.ends_stream

    # -- What has come ----------------------------------------------------------------------------

    @property
    def connection_window(self):
        """Bytes of DATA that bonedry has allowed on the connection since its beginning."""
        return INITIAL_WINDOW + self.windows.get(0, 0)

    def stream_window(self, stream):
        initial = self.settings.get(Setting.INITIAL_WINDOW_SIZE, INITIAL_WINDOW)
        return initial + self.windows.get(stream, 0)

    @property
    def error(self):
        """The code of the last GOAWAY, or None."""
        return self.goaway[1] if self.goaway else None

    def __str__(self):
        parts = [f"stream {number}: {stream}" for number, stream in list(self.streams.items())[:5]]
        if self.goaway:
            parts.append(f"GOAWAY {name_of(self.goaway[1])}, last stream {self.goaway[0]}")
        if self.closed:
            parts.append("the connection's end" if self.closed == "end" else "a reset of TCP")
        return "; ".join(parts) or "nothing"


def would_block(error):
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")


def without_padding(payload, flags):
    return payload[1:len(payload) - payload[0]] if flags & PADDED else payload


def name_of(code):
    return Code(code).name if code in iter(Code) else str(code)
