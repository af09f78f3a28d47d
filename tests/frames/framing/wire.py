"""Frames and header blocks as bytes, allowed or not (RFC 9113, 4 and 6; RFC 7541). Nothing here
checks anything: a test decides what it sends."""

import enum
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
INITIAL_WINDOW = 65535
LARGEST_WINDOW = 2**31 - 1
SMALLEST_FRAME_LIMIT = 16384

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20


class Kind(enum.IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    PRIORITY_UPDATE = 16


class Code(enum.IntEnum):
    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(enum.IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8
    NO_RFC7540_PRIORITIES = 9


def frame(kind, stream, payload=b"", flags=0, size=None):
    """`size`: what the frame says of its payload, when that is not the truth. The reserved bit of a
    stream id is the caller's."""
    size = len(payload) if size is None else size
    return struct.pack(">IBI", size << 8 | kind, flags, stream) + payload


def settings(pairs=(), flags=0, stream=0):
    payload = b"".join(struct.pack(">HI", key, value) for key, value in pairs)
    return frame(Kind.SETTINGS, stream, payload, flags)


def settings_ack():
    return settings(flags=ACK)


def headers(stream, fields, flags=END_STREAM | END_HEADERS, before=b"", after=b""):
    """HEADERS with the fields as literals; `before` and `after` are bytes around their block."""
    return frame(Kind.HEADERS, stream, before + block(fields) + after, flags)


def continuation(stream, payload=b"", flags=END_HEADERS):
    return frame(Kind.CONTINUATION, stream, payload, flags)


def data(stream, payload=b"", flags=END_STREAM):
    return frame(Kind.DATA, stream, payload, flags)


def padded(payload, padding, length=None):
    """`length`: what the frame says of its padding, when that is not the truth."""
    return bytes([len(padding) if length is None else length]) + payload + padding


def reset(stream, code=Code.CANCEL):
    return frame(Kind.RST_STREAM, stream, struct.pack(">I", code))


def window_update(stream, increment):
    return frame(Kind.WINDOW_UPDATE, stream, struct.pack(">I", increment))


def ping(payload=b"pingpong", flags=0, stream=0):
    return frame(Kind.PING, stream, payload, flags)


def priority(stream, depends_on=0, weight=15):
    return frame(Kind.PRIORITY, stream, priority_payload(depends_on, weight))


def priority_payload(depends_on=0, weight=15):
    return struct.pack(">IB", depends_on, weight)


def priority_update(prioritized, value, stream=0):
    """RFC 9218, 7.1."""
    return frame(Kind.PRIORITY_UPDATE, stream, struct.pack(">I", prioritized) + value)


def goaway(last_stream=0, code=Code.NO_ERROR, text=b"", stream=0):
    return frame(Kind.GOAWAY, stream, struct.pack(">II", last_stream, code) + text)


def integer(value, bits, first=0):
    """RFC 7541, 5.1."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(text):
    """Without Huffman coding."""
    return integer(len(text), 7) + text


def literal(name, value, first=0x00):
    """`first`: 0x00 as it is, 0x40 also into the dynamic table, 0x10 never into one."""
    return bytes([first]) + string(name) + string(value)


def indexed(index):
    return integer(index, 7, 0x80)


def table_size(size):
    return integer(size, 5, 0x20)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def request(method=b"GET", path=b"/case", authority=b"shop.example", scheme=b"http", extra=(),
            first=()):
    """The fields of a request; None leaves a pseudo-field out. `first` goes before all others."""
    pseudo = [(b":method", method), (b":scheme", scheme), (b":authority", authority),
              (b":path", path)]
    return [*first, *(pair for pair in pseudo if pair[1] is not None), *extra]
