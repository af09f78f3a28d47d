"""Floods: a client that costs bonedry more than itself is disconnected, in bounded memory, and
others are served meanwhile. Busy clients that mean well are not disconnected."""

import os
import threading
import time

from framing.case import FramesTest, table
from framing.client import Client, Failed
from framing.wire import (ACK, END_HEADERS, END_STREAM, INITIAL_WINDOW, LARGEST_WINDOW, PADDED,
                          PRIORITY_FLAG, Code, Kind, Setting, block, continuation, data, frame,
                          goaway, headers, literal, padded, ping, priority, priority_payload,
                          request, reset, settings, window_update)

CALM, PROTOCOL = Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR
MIB = 1024 * 1024
# Frames after which a flood must have been noticed: twenty times what any of the clients below, who
# mean well, sends of a kind.
ENOUGH = 20000
BATCH = 100
STREAMS = 100  # at a time

# What a connection may take: what was read of it and is queued for it (a megabyte each at most),
# one header block in each encoding, HPACK tables, and what the allocator keeps.
OF_CONNECTION = 4 * MIB
# What a stream may take besides: a block in each direction, and our
# window of it where it has a body.
OF_REQUEST = 2 * 32 * 1024
OF_STREAM = INITIAL_WINDOW + OF_REQUEST

GET = request(path=b"/good")
WAIT = request(path=b"/wait")
POST_WAIT = request(b"POST", b"/wait")
TOLD = request(b"POST", b"/wait", extra=[(b"content-length", b"1")])
GET_BLOCK = block(GET)


class Neighbour:
    """Another client, whose requests go on inside a `with`. Each must be served."""

    def __init__(self, address):
        self.client = Client(address)
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.served = 0
        self.problem = None

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.leaving.set()
        self.thread.join()
        self.client.socket.close()

    def _run(self):
        try:
            while True:
                got = self.client.get(b"/neighbour")
                if got.status != 200:
                    raise Failed(f"got {got}")
                self.served += 1
                if self.leaving.wait(0.002):
                    return
        except Failed as error:
            self.problem = error


def each_stream(*make):
    """Batches that begin a stream with each of its members."""
    def batches():
        for first in range(1, 2 * ENOUGH, 2 * BATCH):
            yield b"".join(one(stream) for stream in range(first, first + 2 * BATCH, 2)
                           for one in make)
    return batches


def again(sent, before=b""):
    """Batches that repeat the same frame."""
    def batches():
        yield before
        for _ in range(ENOUGH // BATCH):
            yield sent * BATCH
    return batches


def get(stream):
    return headers(stream, GET)


def get_wait(stream):
    return headers(stream, WAIT)


def post_wait(stream):
    return headers(stream, POST_WAIT, END_HEADERS)


OPEN = headers(1, POST_WAIT, END_HEADERS)
CLOSED = headers(1, POST_WAIT, END_HEADERS) + reset(1)
LATE = (CALM, Code.STREAM_CLOSED, PROTOCOL)
CHANGES = (settings([(Setting.INITIAL_WINDOW_SIZE, 1)]) +
           settings([(Setting.INITIAL_WINDOW_SIZE, 2)]))

FLOODS = [
    # Streams that the client resets at once (CVE-2023-44487).
    ("requests that are reset", each_stream(get, reset), (CALM,)),
    ("requests that wait and are reset", each_stream(get_wait, reset), (CALM,)),
    ("bodies that are begun and reset",
     each_stream(post_wait, lambda one: data(one, b"x", 0), reset), (CALM,)),
    ("requests that are reset with NO_ERROR", each_stream(get, lambda one: reset(one, 0)), (CALM,)),
    ("requests beyond the limit of streams", each_stream(get_wait), (CALM,)),
    # Streams that it makes us reset (CVE-2025-8671).
    ("streams with WINDOW_UPDATE of 0", each_stream(get_wait, lambda one: window_update(one, 0)),
     (CALM, PROTOCOL)),
    ("streams with a window that overflows", each_stream(
        get_wait, lambda one: window_update(one, LARGEST_WINDOW)), (CALM, Code.FLOW_CONTROL_ERROR)),
    ("bodies longer than they are told to be", each_stream(
        lambda one: headers(one, TOLD, END_HEADERS), lambda one: data(one, b"xy")),
        (CALM, PROTOCOL)),
    ("bodies shorter than they are told to be", each_stream(
        lambda one: headers(one, TOLD, END_HEADERS), data), (CALM, PROTOCOL)),
    ("streams that depend on themselves", each_stream(get_wait, lambda one: priority(one, one)),
     (CALM, PROTOCOL)),
    ("streams whose PRIORITY is too short", each_stream(
        get_wait, lambda one: frame(Kind.PRIORITY, one, b"\0\0\0\0")),
        (CALM, Code.FRAME_SIZE_ERROR)),
    ("DATA on streams that are half-closed", each_stream(get_wait, data), LATE),
    ("HEADERS on streams that are half-closed", each_stream(get_wait, get), LATE),
    ("trailers with pseudo-fields", each_stream(post_wait, get), (CALM, PROTOCOL)),
    ("heads with upper case names", each_stream(lambda one: headers(one, [*GET, (b"X", b"y")])),
     (CALM, PROTOCOL)),
    ("heads without a path", each_stream(lambda one: headers(one, request(path=None))),
     (CALM, PROTOCOL)),
    ("heads that are refused", each_stream(lambda one: headers(one, request(path=b"/a#b"))),
     (CALM, PROTOCOL)),
    ("heads with too many fields", each_stream(lambda one: headers(one, [
        *GET, *((b"x%d" % number, b"") for number in range(120))])), (CALM, PROTOCOL)),
    # Frames that want an answer.
    ("PING", again(ping()), (CALM,)),
    ("SETTINGS", again(settings()), (CALM,)),
    ("SETTINGS that change something", again(CHANGES), (CALM,)),
    ("SETTINGS that change the windows of many streams", again(
        CHANGES, b"".join(get_wait(one) for one in range(1, 2 * STREAMS, 2))), (CALM,)),
    ("SETTINGS of 2,700 values each", again(settings([(0xfff0, 0)] * 2700)), (CALM,)),
    ("one of each", again(ping() + settings() + priority(1, 3) + window_update(0, 1) +
                          data(1, b"", 0) +
                          frame(0xb7, 0), OPEN), (CALM,)),
    # Frames that do nothing.
    ("acknowledgements of PING", again(ping(flags=ACK)), (CALM,)),
    ("acknowledgements of SETTINGS", again(settings((), ACK)), (CALM, PROTOCOL)),
    ("PRIORITY of one stream", again(priority(1, 3), OPEN), (CALM,)),
    ("PRIORITY of idle streams", each_stream(lambda one: priority(one + 1000000, one)), (CALM,)),
    ("PRIORITY_UPDATE", again(frame(0x10, 0, b"\0\0\0\x01u=1"), OPEN), (CALM,)),
    ("empty DATA", again(data(1, b"", 0), OPEN), (CALM,)),
    ("DATA of padding alone", again(frame(Kind.DATA, 1, padded(b"", b"\0"), PADDED), OPEN),
     (CALM,)),
    ("DATA without a length of padding", again(frame(Kind.DATA, 1, b"\0", PADDED), OPEN), (CALM,)),
    ("WINDOW_UPDATE of the connection", again(window_update(0, 1)), (CALM,)),
    ("WINDOW_UPDATE of a stream", again(window_update(1, 1), OPEN), (CALM,)),
    ("RST_STREAM of a closed stream", again(reset(1), CLOSED), LATE),
    ("WINDOW_UPDATE of a closed stream", again(window_update(1, 1), CLOSED), LATE),
    ("DATA of a closed stream", again(data(1, b"", 0), CLOSED), LATE),
    ("unknown frames", again(frame(0xb7, 0)), (CALM,)),
    ("unknown frames of a stream", again(frame(0xb7, 1, b"x"), OPEN), (CALM,)),
    ("GOAWAY", again(goaway()), (CALM, Code.NO_ERROR, None)),
    # Header blocks without an end (CVE-2024-27316 and others).
    ("CONTINUATION without an end", again(continuation(1, literal(b"x", b"y"), 0),
                                          headers(1, GET, END_STREAM)), (CALM, PROTOCOL)),
    ("empty CONTINUATION without an end", again(continuation(1, b"", 0),
                                                headers(1, GET, END_STREAM)),
     (CALM, PROTOCOL)),
    ("large CONTINUATION without an end", again(continuation(1, literal(b"x", b"y" * 16000), 0),
                                                headers(1, GET, END_STREAM)), (CALM, PROTOCOL)),
    ("CONTINUATION of table sizes without an end", again(
        continuation(1, b"\x20" * 16000, 0), headers(1, [], END_STREAM)),
     (CALM, PROTOCOL, Code.COMPRESSION_ERROR)),
    ("a value without an end", again(
        continuation(1, b"y" * 16000, 0), headers(1, GET, END_STREAM,
                                                  after=b"\x00\x01x\x7f\x80\xff\xff\xff\x07")),
     (CALM, PROTOCOL, Code.COMPRESSION_ERROR)),
    ("empty HEADERS with a priority", each_stream(lambda one: frame(
        Kind.HEADERS, one, priority_payload(), END_STREAM | END_HEADERS | PRIORITY_FLAG)),
     (CALM, PROTOCOL)),
]


class FloodsTest(FramesTest):
    """What is common to all floods."""

    def setUp(self):
        super().setUp()
        self.before = self.proxy.resident_bytes()

    def growth(self):
        return self.proxy.resident_bytes() - self.before

    def assert_bounded(self, growth, bound):
        # Sanitizers keep what is freed.
        if "BONEDRY_SANITIZED_PROGRAMS" not in os.environ:
            self.assertLessEqual(growth, bound, f"memory grew by {growth / MIB:.1f} MiB")

    def assert_served(self, neighbour):
        self.assertIsNone(neighbour.problem, "another client was not served")
        self.assertGreater(neighbour.served, 0)


class Floods(FloodsTest):
    @table(FLOODS)
    def of(self, batches, codes):
        client = self.client()
        growth = 0
        with Neighbour(self.proxy.address) as neighbour:
            for batch in batches():
                growth = max(growth, self.growth())
                if not client.send(batch):
                    break
            client.wait_for(lambda: client.closed or client.goaway, 1.0)
            growth = max(growth, self.growth())
        self.assert_served(neighbour)
        self.assert_bounded(growth, OF_CONNECTION + STREAMS * OF_REQUEST)
        self.assertTrue(client.closed or client.goaway,
     f"{ENOUGH} were not enough; there was: {client}")
        self.assert_connection_error(client, *codes)
        self.seen()

    def test_others_of_the_same_address_are_served_after_a_flood(self):
        for _ in range(5):
            client = self.client()
            for batch in again(ping())():
                if not client.send(batch):
                    break
        self.seen()


class Finishing(FloodsTest):
    """Where nodes finish what clients have given up, a stream that was reset counts as open until its
    exchange with the node has ended: no client makes more work than its streams allow."""

    options = {"pool": 'on_client_gone = "finish"'}

    @table([
        ("requests that are reset", each_stream(get_wait, reset)),
        ("streams with WINDOW_UPDATE of 0", each_stream(get_wait, lambda one: window_update(one, 0))),
        ("DATA on streams that are half-closed", each_stream(get_wait, data))])
    def the_node_is_spared_of(self, batches):
        client = self.client()
        for batch in batches():
            if not client.send(batch):
                break
        self.assertLessEqual(len(self.seen()), STREAMS)

    def test_what_is_reset_at_once_never_gets_to_a_node(self):
        client = self.client()
        client.get()
        self.seen()
        client.send(b"".join(get_wait(one) + reset(one) for one in range(101, 121, 2)))
        client.round_trip()
        self.assertEqual(len(self.seen()), 0)


class Unread(FloodsTest):
    """Clients that read nothing: what bonedry queues for them is bounded, whether it disconnects
    them or no longer reads itself."""

    MOST = 32 * MIB

    @table([
        ("PING", ping() * 1000), ("SETTINGS", settings() * 1000),
        ("PRIORITY_UPDATE", frame(0x10, 0, b"\0\0\0\x01u=1") * 1000),
        ("unknown frames", frame(0xb7, 0, b"x" * 100) * 1000)])
    def answers_to(self, chunk):
        client = self.client(answers=False, receive_buffer=4096)
        with Neighbour(self.proxy.address) as neighbour:
            client.send_without_reading(chunk, self.MOST, patience=0.3)
            growth = self.growth()
        self.assert_served(neighbour)
        self.assert_bounded(growth, OF_CONNECTION)

    @table([
        ("small ones", b"/b/100"), ("large ones", b"/b/10000000"), ("large heads", b"/head/20000"),
        ("large ones in chunks", b"/chunked/1000000")])
    def responses(self, path):
        client = self.client(refill=False, answers=False, receive_buffer=4096, options=[
            (Setting.INITIAL_WINDOW_SIZE, LARGEST_WINDOW)])
        client.send(window_update(0, LARGEST_WINDOW - INITIAL_WINDOW))
        growth = 0
        with Neighbour(self.proxy.address) as neighbour:
            head = block(request(path=path))
            for first in range(1, 40 * STREAMS, 2 * STREAMS):
                chunk = b"".join(frame(Kind.HEADERS, one, head, END_STREAM | END_HEADERS)
                                 for one in range(first, first + 2 * STREAMS, 2))
                if client.send_without_reading(chunk, len(chunk), patience=0.2) < len(chunk):
                    break
                growth = max(growth, self.growth())
            served = neighbour.served
            deadline = time.monotonic() + 10
            while neighbour.served < served + 20 and not neighbour.problem:
                self.assertLess(time.monotonic(), deadline)
                growth = max(growth, self.growth())
                time.sleep(0.002)
        self.assert_served(neighbour)
        self.assert_bounded(growth, OF_CONNECTION + STREAMS * OF_STREAM)

    def test_responses_without_a_window(self):
        client = self.client(options=[(Setting.INITIAL_WINDOW_SIZE, 0)])
        for _ in range(STREAMS):
            client.open(request(path=b"/b/10000000"))
        for stream in list(client.streams) or range(1, 2 * STREAMS, 2):
            client.read_until(lambda stream=stream: client.stream(stream).heads, "each head")
        client.round_trip()
        self.assert_bounded(self.growth(), OF_CONNECTION + STREAMS * OF_STREAM)
        self.seen()


class UnreadRequests(FloodsTest):
    """Bodies that no node reads."""

    node_options = {"receive_buffer": 4096}

    def test_uploads_on_all_streams(self):
        client = self.client()
        streams = [client.open(request(b"POST", b"/hold"), END_HEADERS) for _ in range(STREAMS)]
        sent = 0
        with Neighbour(self.proxy.address) as neighbour:
            while sent < 64 * MIB:
                step = sum(client.upload(one, 65536, patience=0.001) for one in streams)
                if not step:
                    break
                sent += step
            growth = self.growth()
        self.assert_served(neighbour)
        self.assert_bounded(growth, OF_CONNECTION + STREAMS * OF_STREAM)
        for one in streams:
            client.send(reset(one))
        self.assert_serves(client)


class Busy(FramesTest):
    """Clients that mean well."""

    def test_fifty_resets_in_a_row(self):
        client = self.client()
        for _ in range(50):
            client.send(reset(client.open(WAIT)))
        self.assert_serves(client)

    @table([("two hundred in a row", 200, 0), ("five hundred among 2,000 others", 500, 4)])
    def downloads_that_are_given_up(self, count, others):
        client = self.client()
        for _ in range(count):
            for _ in range(others):
                self.assert_ok(client.get())
            stream = client.open(request(path=b"/b/100000"))
            client.read_until(lambda stream=stream: client.stream(stream).body, "a part of it")
            client.send(reset(stream))
        self.assert_serves(client)

    def test_a_ping_each_100_ms(self):
        client = self.client()
        for _ in range(10):
            client.round_trip()
            time.sleep(0.1)
        self.assert_serves(client)

    def test_a_ping_with_each_of_two_thousand_requests(self):
        """gRPC measures the path by a PING for each round trip while data comes."""
        client = self.client()
        for _ in range(2000):
            self.assert_ok(client.get())
            client.round_trip()

    def test_ten_settings_in_a_row(self):
        client = self.client()
        for size in range(10):
            client.send(settings([(Setting.INITIAL_WINDOW_SIZE, 100000 + size)]))
        self.assert_serves(client)

    def test_priorities_of_each_of_five_hundred_requests(self):
        """Old versions of Firefox open with five, and send some for each request."""
        client = self.client()
        client.send(*(priority(stream, 0) for stream in (3, 5, 7, 9, 11)))
        client.next_id = 13
        for _ in range(500):
            client.send(priority(client.next_id, 3))
            stream = client.open()
            client.send(frame(0x10, 0, stream.to_bytes(4, "big") + b"u=1, i"))
            self.assert_ok(client.finish(stream))

    def test_bodies_whose_end_is_an_empty_frame(self):
        client = self.client()
        for _ in range(500):
            stream = client.open(request(b"POST"), END_HEADERS)
            client.send(data(stream, b"hello", 0), data(stream))
            self.assert_ok(client.finish(stream))

    def test_a_body_of_five_thousand_frames(self):
        client = self.client()
        stream = client.open(request(b"POST"), END_HEADERS)
        self.assertEqual(client.upload(stream, 5000, most=1), 5000)
        client.send(data(stream))
        self.assert_ok(client.finish(stream))

    def test_a_padded_body_of_a_thousand_frames(self):
        client = self.client()
        stream = client.open(request(b"POST"), END_HEADERS)
        self.assertEqual(client.upload(stream, 1000, padding=200, most=202), 1000)
        client.send(data(stream))
        self.assert_ok(client.finish(stream))

    def test_a_download_through_a_small_window(self):
        client = self.client(options=[(Setting.INITIAL_WINDOW_SIZE, 1000)])
        self.assertEqual(len(client.get(b"/b/3000000").body), 3000000)

    def test_many_requests_at_a_time(self):
        client = self.client()
        for _ in range(30):
            streams = [client.open() for _ in range(STREAMS)]
            for one in streams:
                self.assert_ok(client.finish(one))
