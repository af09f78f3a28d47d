"""Frames that are malformed, or that come where they may not (RFC 9113, 4 to 6)."""

from framing.case import FramesTest, table
from framing.wire import (ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY_FLAG,
                          SMALLEST_FRAME_LIMIT, Code, Kind, Setting, block, continuation, data,
                          frame, goaway, headers, padded, ping, priority, priority_payload, request,
                          reset, settings, window_update)

PROTOCOL, SIZE, CLOSED = Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR, Code.STREAM_CLOSED
FLOW = Code.FLOW_CONTROL_ERROR
POST = request(b"POST")
GET_BLOCK = block(request())
UNKNOWN_KIND = 0xb7
UNKNOWN_SETTING = 0xfff0
RESERVED_BIT = 1 << 31
GREATEST = 2**32 - 1


class Expected:
    """How bonedry may react: GOAWAY, and RST_STREAM of `stream`, with one of these codes, or not
    at all."""

    def __init__(self, goaway=(), reset=(), nothing=False, stream=1):
        self.goaway = goaway
        self.reset = reset
        self.nothing = nothing
        self.stream = stream


NOTHING = Expected(nothing=True)


def ends(*codes):
    """The connection ends."""
    return Expected(goaway=codes)


def resets(*codes):
    """Stream 1 ends; so may the connection (RFC 9113, 5.4.2, allows it only where a peer
    misbehaves, as all do here)."""
    return Expected(goaway=codes, reset=codes)


class Reactions(FramesTest):
    """What is common to tables of frames and reactions."""

    def check(self, client, expected, stream=None):
        client.send(ping())
        watched = client.stream(stream or expected.stream)
        client.wait_for(lambda: client.goaway or watched.reset is not None or
                        (expected.nothing and client.pings))
        if client.goaway or client.closed:
            self.assertTrue(expected.goaway, f"the connection should go on; there was: {client}")
            self.assert_connection_error(client, *expected.goaway)
        elif watched.reset is not None:
            self.assertTrue(expected.reset, f"expected no RST_STREAM; there was: {client}")
            self.assert_reset(watched, *expected.reset)
            self.assert_serves(client)
        else:
            self.assertTrue(expected.nothing, f"there was no reaction: {client}")
            self.assert_serves(client)
        self.seen()


# -- Frames by themselves --------------------------------------------------------------------------

OPEN = headers(1, POST, END_HEADERS)
LARGE = b"\0" * (SMALLEST_FRAME_LIMIT + 1)

SIZES = [
    ("DATA larger than a frame may be", OPEN + data(1, LARGE), resets(SIZE)),
    ("HEADERS larger than a frame may be", frame(Kind.HEADERS, 1, LARGE, END_STREAM | END_HEADERS),
     ends(SIZE)),
    ("SETTINGS larger than a frame may be", frame(Kind.SETTINGS, 0, b"\0" * 16386), ends(SIZE)),
    ("PING larger than a frame may be", frame(Kind.PING, 0, LARGE), ends(SIZE)),
    ("GOAWAY larger than a frame may be", frame(Kind.GOAWAY, 0, LARGE), ends(SIZE)),
    ("an unknown frame larger than one may be", frame(UNKNOWN_KIND, 0, LARGE), ends(SIZE)),
    ("a frame that says 16 MiB", frame(Kind.DATA, 1, b"", size=2**24 - 1), ends(SIZE, PROTOCOL)),
    ("PING of 0 bytes", frame(Kind.PING, 0), ends(SIZE)),
    ("PING of 7 bytes", frame(Kind.PING, 0, b"\0" * 7), ends(SIZE)),
    ("PING of 9 bytes", frame(Kind.PING, 0, b"\0" * 9), ends(SIZE)),
    ("the acknowledgement of a PING of 7 bytes", frame(Kind.PING, 0, b"\0" * 7, ACK), ends(SIZE)),
    ("SETTINGS of 1 byte", frame(Kind.SETTINGS, 0, b"\0"), ends(SIZE)),
    ("SETTINGS of 5 bytes", frame(Kind.SETTINGS, 0, b"\0" * 5), ends(SIZE)),
    ("SETTINGS of 7 bytes", frame(Kind.SETTINGS, 0, b"\0" * 7), ends(SIZE)),
    ("the acknowledgement of SETTINGS with a payload",
     frame(Kind.SETTINGS, 0, b"\0\x04\0\0\xff\xff", ACK), ends(SIZE)),
    ("WINDOW_UPDATE of 0 bytes", frame(Kind.WINDOW_UPDATE, 0), ends(SIZE)),
    ("WINDOW_UPDATE of 3 bytes", frame(Kind.WINDOW_UPDATE, 0, b"\0\0\1"), ends(SIZE)),
    ("WINDOW_UPDATE of 5 bytes", frame(Kind.WINDOW_UPDATE, 0, b"\0\0\0\0\1"), ends(SIZE)),
    ("WINDOW_UPDATE of 5 bytes on a stream", OPEN + frame(Kind.WINDOW_UPDATE, 1, b"\0\0\0\0\1"),
     ends(SIZE)),
    ("RST_STREAM of 0 bytes", OPEN + frame(Kind.RST_STREAM, 1), ends(SIZE)),
    ("RST_STREAM of 3 bytes", OPEN + frame(Kind.RST_STREAM, 1, b"\0\0\0"), ends(SIZE)),
    ("RST_STREAM of 5 bytes", OPEN + frame(Kind.RST_STREAM, 1, b"\0\0\0\0\0"), ends(SIZE)),
    ("PRIORITY of 0 bytes", OPEN + frame(Kind.PRIORITY, 1), resets(SIZE)),
    ("PRIORITY of 4 bytes", OPEN + frame(Kind.PRIORITY, 1, b"\0" * 4), resets(SIZE)),
    ("PRIORITY of 6 bytes", OPEN + frame(Kind.PRIORITY, 1, b"\0" * 6), resets(SIZE)),
    ("GOAWAY of 0 bytes", frame(Kind.GOAWAY, 0), ends(SIZE)),
    ("GOAWAY of 7 bytes", frame(Kind.GOAWAY, 0, b"\0" * 7), ends(SIZE)),
    ("HEADERS without room for their priority",
     frame(Kind.HEADERS, 1, b"\0" * 4, END_STREAM | END_HEADERS | PRIORITY_FLAG),
     ends(SIZE, PROTOCOL)),
    ("HEADERS without room for the length of their padding",
     frame(Kind.HEADERS, 1, b"", END_STREAM | END_HEADERS | PADDED), ends(SIZE, PROTOCOL)),
    ("DATA without room for the length of their padding",
     OPEN + frame(Kind.DATA, 1, b"", END_STREAM | PADDED), ends(SIZE, PROTOCOL)),
    ("a large unknown frame", frame(UNKNOWN_KIND, 0, b"\0" * SMALLEST_FRAME_LIMIT), NOTHING),
]

STREAM_IDS = [
    *((f"{kind.name} on the connection", frame(kind, 0, payload, flags), ends(PROTOCOL))
      for kind, payload, flags in (
          (Kind.DATA, b"x", END_STREAM), (Kind.HEADERS, GET_BLOCK, END_STREAM | END_HEADERS),
          (Kind.PRIORITY, priority_payload(), 0), (Kind.RST_STREAM, b"\0" * 4, 0),
          (Kind.CONTINUATION, GET_BLOCK, END_HEADERS),
          (Kind.PUSH_PROMISE, b"\0\0\0\2" + GET_BLOCK, END_HEADERS))),
    *((f"{name} on a stream", OPEN + sent, ends(PROTOCOL)) for name, sent in (
        ("SETTINGS", settings(stream=1)), ("an acknowledgement of SETTINGS", settings((), ACK, 1)),
        ("PING", ping(stream=1)), ("GOAWAY", goaway(stream=1)))),
    ("HEADERS on an even stream", headers(2, request()), ends(PROTOCOL)),
    ("DATA on an even stream", data(2, b"x"), ends(PROTOCOL, CLOSED)),
    ("RST_STREAM on an even stream", reset(2), ends(PROTOCOL)),
    ("WINDOW_UPDATE on an even stream", window_update(2, 1), ends(PROTOCOL)),
    ("CONTINUATION on an even stream", continuation(2, GET_BLOCK), ends(PROTOCOL)),
    ("HEADERS on a lower stream", headers(5, request(path=b"/wait")) + headers(3, request()),
     ends(PROTOCOL, CLOSED)),
    ("HEADERS on a lower stream, far behind",
     headers(2**31 - 1, request(path=b"/wait")) + headers(1, request()), ends(PROTOCOL, CLOSED)),
    ("DATA on a stream that was skipped", headers(5, request(path=b"/wait")) + data(3, b"x"),
     Expected((PROTOCOL, CLOSED), (CLOSED,), stream=3)),
    ("PUSH_PROMISE of a client", OPEN + frame(
        Kind.PUSH_PROMISE, 1, b"\0\0\0\2" + GET_BLOCK, END_HEADERS), ends(PROTOCOL)),
    ("PUSH_PROMISE on an idle stream", frame(
        Kind.PUSH_PROMISE, 1, b"\0\0\0\2" + GET_BLOCK, END_HEADERS), ends(PROTOCOL)),
    ("a reserved bit in the id of a stream", frame(
        Kind.HEADERS, RESERVED_BIT | 1, GET_BLOCK, END_STREAM | END_HEADERS), NOTHING),
]

SETTINGS = [
    ("ENABLE_PUSH 2", [(Setting.ENABLE_PUSH, 2)], ends(PROTOCOL)),
    ("ENABLE_PUSH of all bits", [(Setting.ENABLE_PUSH, GREATEST)], ends(PROTOCOL)),
    ("INITIAL_WINDOW_SIZE 2^31", [(Setting.INITIAL_WINDOW_SIZE, 2**31)], ends(FLOW)),
    ("INITIAL_WINDOW_SIZE of all bits", [(Setting.INITIAL_WINDOW_SIZE, GREATEST)], ends(FLOW)),
    ("MAX_FRAME_SIZE 0", [(Setting.MAX_FRAME_SIZE, 0)], ends(PROTOCOL)),
    ("MAX_FRAME_SIZE 16383", [(Setting.MAX_FRAME_SIZE, 16383)], ends(PROTOCOL)),
    ("MAX_FRAME_SIZE 2^24", [(Setting.MAX_FRAME_SIZE, 2**24)], ends(PROTOCOL)),
    ("NO_RFC7540_PRIORITIES 2", [(Setting.NO_RFC7540_PRIORITIES, 2)], ends(PROTOCOL)),
    ("ENABLE_CONNECT_PROTOCOL 2", [(Setting.ENABLE_CONNECT_PROTOCOL, 2)],
     Expected(goaway=(PROTOCOL,), nothing=True)),
    ("a bad value behind a good one", [(Setting.MAX_FRAME_SIZE, 16384),
                                       (Setting.MAX_FRAME_SIZE, 1)],
     ends(PROTOCOL)),
    ("a good value behind a bad one", [(Setting.MAX_FRAME_SIZE, 1),
                                       (Setting.MAX_FRAME_SIZE, 16384)],
     Expected(goaway=(PROTOCOL,), nothing=True)),  # nghttp2 looks at the last value of each alone
    ("an unknown setting", [(UNKNOWN_SETTING, GREATEST), (0, 0)], NOTHING),
    ("ENABLE_PUSH 1", [(Setting.ENABLE_PUSH, 1)], NOTHING),
    ("MAX_FRAME_SIZE 2^24-1", [(Setting.MAX_FRAME_SIZE, 2**24 - 1)], NOTHING),
    ("HEADER_TABLE_SIZE 0", [(Setting.HEADER_TABLE_SIZE, 0)], NOTHING),
    ("HEADER_TABLE_SIZE of all bits", [(Setting.HEADER_TABLE_SIZE, GREATEST)], NOTHING),
    ("MAX_CONCURRENT_STREAMS 0", [(Setting.MAX_CONCURRENT_STREAMS, 0)], NOTHING),
    ("no setting", [], NOTHING),
    ("thirty settings", [(UNKNOWN_SETTING + n % 8, n) for n in range(30)], NOTHING),
]

CONTINUATIONS = [
    *((f"{name} within a header block", headers(1, [], END_STREAM, before=GET_BLOCK) + sent +
       continuation(1), ends(PROTOCOL)) for name, sent in (
           ("DATA", data(1, b"x")), ("DATA of another stream", data(3, b"x")),
           ("HEADERS", headers(1, request())), ("HEADERS of another stream", headers(3, request())),
           ("CONTINUATION of another stream", continuation(3)), ("SETTINGS", settings()),
           ("an acknowledgement of SETTINGS", settings((), ACK)), ("PING", ping()),
           ("WINDOW_UPDATE", window_update(0, 1)), ("PRIORITY", priority(1)),
           ("RST_STREAM", reset(1)), ("GOAWAY", goaway()),
           ("an unknown frame", frame(UNKNOWN_KIND, 1, b"x")),
           ("an unknown frame of the connection", frame(UNKNOWN_KIND, 0)))),
    ("CONTINUATION alone", continuation(1, GET_BLOCK), ends(PROTOCOL)),
    ("CONTINUATION behind a whole header block", headers(1, request()) + continuation(1),
     ends(PROTOCOL)),
    ("CONTINUATION behind DATA", OPEN + data(1, b"x", 0) + continuation(1), ends(PROTOCOL)),
    ("CONTINUATION behind whole trailers",
     OPEN + data(1, b"x", 0) + headers(1, [(b"x-sum", b"1")]) + continuation(1), ends(PROTOCOL)),
    ("a header block in four frames", headers(1, [], END_STREAM) +
     continuation(1, GET_BLOCK[:1], 0) +
     continuation(1, GET_BLOCK[1:30], 0) + continuation(1, GET_BLOCK[30:]), NOTHING),
    ("trailers in three frames", OPEN + headers(1, [], END_STREAM) +
     continuation(1, block([(b"x-sum", b"1")])[:3], 0) +
     continuation(1, block([(b"x-sum", b"1")])[3:]), NOTHING),
]

PADDING = [
    ("HEADERS with padding longer than they are", frame(
        Kind.HEADERS, 1, padded(GET_BLOCK, b"", len(GET_BLOCK) + 1),
        END_STREAM | END_HEADERS | PADDED), ends(PROTOCOL)),
    ("HEADERS with padding longer than they are behind their priority", frame(
        Kind.HEADERS, 1, padded(priority_payload() + GET_BLOCK, b"", len(GET_BLOCK) + 1),
        END_STREAM | END_HEADERS | PADDED | PRIORITY_FLAG), ends(PROTOCOL)),
    *((f"DATA with {padding} bytes of padding in {size}", OPEN + frame(
        Kind.DATA, 1, padded(b"x" * (size - 1), b"", padding), END_STREAM | PADDED), ends(PROTOCOL))
      for padding, size in ((1, 1), (5, 5), (6, 5), (255, 1), (255, 255))),
    *((f"HEADERS with {size} bytes of padding", frame(
        Kind.HEADERS, 1, padded(GET_BLOCK, b"\0" * size), END_STREAM | END_HEADERS | PADDED),
        NOTHING)
      for size in (0, 1, 255)),
    ("HEADERS with padding and a priority", frame(
        Kind.HEADERS, 1, padded(priority_payload() + GET_BLOCK, b"\0" * 9),
        END_STREAM | END_HEADERS | PADDED | PRIORITY_FLAG), NOTHING),
    *((f"DATA of {size} bytes with {padding} of padding, and frames behind them", OPEN + frame(
        Kind.DATA, 1, padded(b"x" * size, b"\0" * padding), PADDED) + ping() + frame(
            Kind.DATA, 1, padded(b"x" * size, b"\0" * padding), END_STREAM | PADDED) +
       window_update(0, 1) + headers(3, request()) + priority(5), NOTHING)
      for size in (0, 1, 16000) for padding in (0, 1, 255)),
    ("DATA of padding that is not zero", OPEN + frame(
        Kind.DATA, 1, padded(b"hello", b"GET /evil"), END_STREAM | PADDED),
     Expected(goaway=(PROTOCOL,), nothing=True)),
]

OTHERS = [
    ("an unknown frame on the connection", frame(UNKNOWN_KIND, 0, b"x" * 9, 0xff), NOTHING),
    ("an unknown frame on an idle stream", frame(UNKNOWN_KIND, 7, b"x"), NOTHING),
    ("an unknown frame on an open stream", OPEN + frame(UNKNOWN_KIND, 1, b"x") + data(1), NOTHING),
    ("all unknown kinds", b"".join(frame(kind, 0, b"x") for kind in range(0x20, 256)), NOTHING),
    ("flags that PING does not have", ping(flags=0xfe), NOTHING),
    ("flags that SETTINGS do not have", settings(flags=0xfe), NOTHING),
    ("flags that HEADERS do not have", headers(1, request(), END_STREAM | END_HEADERS | 0xd2),
     NOTHING),
    ("flags that DATA do not have", OPEN + data(1, b"x", END_STREAM | 0xf6), NOTHING),
    ("flags that RST_STREAM does not have", OPEN + \
     frame(Kind.RST_STREAM, 1, b"\0\0\0\x08", 0xff), NOTHING),
    ("RST_STREAM with an unknown code", OPEN + reset(1, 0xfffffff0), NOTHING),
    ("PRIORITY on an idle stream", priority(7), NOTHING),
    ("PRIORITY on an even idle stream", priority(8), NOTHING),
    ("PRIORITY that depends on itself", OPEN + priority(1, 1), resets(PROTOCOL)),
    ("HEADERS that depend on themselves", frame(
        Kind.HEADERS, 1, priority_payload(1) + GET_BLOCK, END_STREAM | END_HEADERS | PRIORITY_FLAG),
     resets(PROTOCOL)),
    ("HEADERS that depend on another", frame(
        Kind.HEADERS, 1, priority_payload(RESERVED_BIT | 7) + GET_BLOCK,
        END_STREAM | END_HEADERS | PRIORITY_FLAG), NOTHING),
    ("PING acknowledged without having been sent", ping(flags=ACK), NOTHING),
    ("SETTINGS acknowledged without having been sent", settings((), ACK) * 3,
     Expected(goaway=(PROTOCOL,), nothing=True)),
    ("WINDOW_UPDATE with its reserved bit", window_update(0, RESERVED_BIT | 1), NOTHING),
    ("WINDOW_UPDATE of 0 on the connection", window_update(0, 0), ends(PROTOCOL)),
    ("WINDOW_UPDATE of 0 and the reserved bit", window_update(0, RESERVED_BIT), ends(PROTOCOL)),
    ("WINDOW_UPDATE of 0 on a stream", OPEN + window_update(1, 0), resets(PROTOCOL)),
    ("ORIGIN of a client", frame(0xc, 0, b"\0\x01x"), NOTHING),
    ("ALTSVC of a client", frame(0xa, 0, b"\0\x01xy"), NOTHING),
    ("PRIORITY_UPDATE", frame(0x10, 0, b"\0\0\0\x01u=1"), NOTHING),
    ("PRIORITY_UPDATE that no parser knows", frame(0x10, 0, b"\0\0\0\x01((((\0\xff"),
     Expected(goaway=(PROTOCOL,), nothing=True)),
    ("PRIORITY_UPDATE on a stream", OPEN + frame(0x10, 1, b"\0\0\0\x01u=1"), ends(PROTOCOL)),
    ("PRIORITY_UPDATE of stream 0", frame(0x10, 0, b"\0\0\0\0u=1"), ends(PROTOCOL)),
    ("PRIORITY_UPDATE without room for its stream", frame(0x10, 0, b"\0\0\0"), ends(SIZE)),
]


class Frames(Reactions):
    """Frames behind preface and SETTINGS."""

    @table(SIZES + STREAM_IDS + CONTINUATIONS + PADDING + OTHERS)
    def reaction_to(self, sent, expected):
        client = self.client()
        client.send(sent)
        client.next_id = 11
        self.check(client, expected)

    @table(SETTINGS)
    def reaction_to_settings(self, pairs, expected):
        client = self.client()
        client.send(settings(pairs))
        self.check(client, expected)
        if expected is NOTHING:
            self.assertEqual(client.settings_acks, 2)

    @table(SETTINGS)
    def reaction_to_settings_in_the_preface(self, pairs, expected):
        self.check(self.client(options=pairs), expected)


# -- Frames in each state of a stream --------------------------------------------------------------

def half_closed(client):
    return client.open(request(path=b"/wait"))


def closed(client):
    stream = client.open()
    client.finish(stream)
    return stream


def reset_by_client(client):
    stream = client.open(POST, END_HEADERS)
    client.send(reset(stream))
    return stream


def reset_while_waiting(client):
    stream = half_closed(client)
    client.send(reset(stream))
    return stream


def closed_and_others(client):
    stream = closed(client)
    for _ in range(3):
        closed(client)
    return stream


STATES = [half_closed, closed, closed_and_others, reset_by_client, reset_while_waiting]
ERROR_OF_CLOSED = resets(CLOSED)
LATE = Expected(goaway=(CLOSED, PROTOCOL), reset=(CLOSED,), nothing=True)
IN_STATE = [
    # name, frame of a stream, in half-closed, in closed
    ("DATA", lambda stream: data(stream, b"x"), ERROR_OF_CLOSED, ERROR_OF_CLOSED),
    ("empty DATA", data, ERROR_OF_CLOSED, ERROR_OF_CLOSED),
    ("HEADERS", lambda stream: headers(stream, request()), Expected((CLOSED, PROTOCOL),
                                                                    (CLOSED, PROTOCOL)),
     Expected((CLOSED, PROTOCOL), (CLOSED,))),
    ("trailers", lambda stream: headers(stream, [(b"x-sum", b"1")]),
     Expected((CLOSED, PROTOCOL), (CLOSED, PROTOCOL)), Expected((CLOSED, PROTOCOL), (CLOSED,))),
    ("CONTINUATION", lambda stream: continuation(stream, b""), ends(PROTOCOL),
     ends(PROTOCOL, CLOSED)),
    ("WINDOW_UPDATE", lambda stream: window_update(stream, 1), NOTHING, LATE),
    ("RST_STREAM", reset, NOTHING, LATE),
    ("PRIORITY", priority, NOTHING, NOTHING),
    ("an unknown frame", lambda stream: frame(UNKNOWN_KIND, stream, b"x"), NOTHING, NOTHING),
]


class States(Reactions):
    """RFC 9113, 5.1."""

    @table([(f"{name} on a stream that is {state.__name__.replace('_', ' ')}", state, make,
             on_half if state is half_closed else on_closed)
            for state in STATES for name, make, on_half, on_closed in IN_STATE])
    def reaction_to(self, state, make, expected):
        client = self.client()
        stream = state(client)
        client.send(make(stream))
        self.check(client, expected, stream)

    @table([
        ("DATA", data(1, b"x"), ends(PROTOCOL, CLOSED)), ("RST_STREAM", reset(1), ends(PROTOCOL)),
        ("WINDOW_UPDATE", window_update(1, 1), ends(PROTOCOL)),
        ("CONTINUATION", continuation(1, GET_BLOCK), ends(PROTOCOL))])
    def reaction_on_an_idle_stream_to(self, sent, expected):
        client = self.client()
        client.send(sent)
        self.check(client, expected)

    def test_what_was_on_its_way_to_a_stream_that_we_reset_is_ignored(self):
        client = self.client()
        stream = client.open(request(path=b"/a b"), END_HEADERS)
        client.read_until(lambda: client.stream(stream).over, "the refusal")
        client.send(data(stream, b"x" * 1000, 0), window_update(stream, 1), data(stream, b"x", 0),
                    headers(stream, [(b"x-sum", b"1")]), reset(stream))
        self.check(client, Expected(nothing=True, stream=999))

    def test_a_header_block_of_a_stream_that_is_ignored_keeps_the_table(self):
        """RFC 9113, 4.3: it must be decoded, whatever happens to its stream."""
        client = self.client()
        stream = client.open(request(path=b"/a b"), END_HEADERS)
        client.read_until(lambda: client.stream(stream).over, "the refusal")
        kept = b"\x40\x06x-kept\x04good"
        client.send(frame(Kind.HEADERS, stream, kept, END_STREAM | END_HEADERS))
        client.send(frame(Kind.HEADERS, 3, GET_BLOCK + b"\xbe", END_STREAM | END_HEADERS))
        self.assert_ok(client.finish(3))
        (one,) = self.seen()
        self.assertEqual(one.values(b"x-kept"), [b"good"])


class GoAway(FramesTest):
    def test_open_streams_finish(self):
        client = self.client()
        stream = client.open(request(path=b"/wait"))
        client.send(goaway(0, Code.NO_ERROR, b"a reason"))
        self.assertTrue(self.node.await_waiting())
        self.node.release()
        self.assert_ok(client.finish(stream))

    def test_two_of_them(self):
        client = self.client()
        client.send(goaway(2**31 - 1), goaway(0))
        client.send(ping())
        client.wait_for(lambda: client.pings or client.closed)
        self.seen()
