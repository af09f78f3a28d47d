"""Header blocks: malformed fields and pseudo-fields (RFC 9113, 8), HPACK (RFC 7541), limits. The
nodes get at most one well-formed HTTP/1.1 request of each stream."""

from framing.case import FramesTest, table
from framing.wire import (END_HEADERS, END_STREAM, SMALLEST_FRAME_LIMIT, Code, Kind, block,
                          continuation, data, frame, headers, indexed, integer, literal, request,
                          string, table_size)

HOST = b"shop.example"
# Limits of the config, at their defaults.
HEADER_BYTES = 32768
HEADERS = 100


def fields(*extra):
    return request(extra=extra)


def post(*extra):
    return request(b"POST", extra=extra)


def without(name):
    return [pair for pair in request() if pair[0] != name]


def numbered(count, value=b"x"):
    return [(b"x-%d" % number, value) for number in range(count)]


# -- Refused: the node sees nothing, and the connection goes on ------------------------------------

NAMES = [(f"the name {name!r}", fields((name, b"1"))) for name in (
    b"", b"X-Upper", b"x-Upper", b"x y", b" x", b"x ", b"x\t", b"x:", b"x:y", b":x", b"x\r", b"x\n",
    b"x\0", b"x\r\nevil: 1", b"x\x01", b"x\x7f", b"x\x80", b"x\xc3\xa4", b"x(", b"x)", b"x,y",
    b"x/y", b"x;", b"x<", b"x=", b"x>", b"x?", b"x@", b"x[", b"x\\", b"x]", b"x{", b"x}", b'x"')]

VALUES = [(f"the value {value!r}", fields((b"x-value", value))) for value in (
    b"a\rb", b"a\nb", b"a\0b", b"a\r\nevil: 1", b"\r\n", b"\n", b"\0", b"a\r", b"a\n", b"a\0",
    b"\ra", b"a\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n", b" a", b"a ", b"\ta", b"a\t", b" ",
    b"\t", b"a\x01b", b"a\x0bb", b"a\x0cb", b"a\x1fb", b"a\x7fb")]

PSEUDO = [
    ("no :method", request(method=None)),
    ("no :scheme", request(scheme=None)),
    ("no :path", request(path=None)),
    ("no pseudo-field", [(b"x", b"y")]),
    ("no field", []),
    ("an empty :method", request(method=b"")),
    ("an empty :scheme", request(scheme=b"")),
    ("an empty :path", request(path=b"")),
    ("two :method", request(first=[(b":method", b"GET")])),
    ("two :scheme", request(first=[(b":scheme", b"http")])),
    ("two :authority", request(first=[(b":authority", HOST)])),
    ("two :authority that differ", request(first=[(b":authority", b"evil.example")])),
    ("two :path", request(first=[(b":path", b"/case")])),
    ("two :path that differ", request(first=[(b":path", b"/evil")])),
    ("an unknown pseudo-field", request(first=[(b":unknown", b"x")])),
    ("an empty pseudo-field name", request(first=[(b":", b"x")])),
    (":status in a request", request(first=[(b":status", b"200")])),
    (":Method in upper case", [(b":Method", b"GET"), *without(b":method")]),
    (":protocol of GET", request(first=[(b":protocol", b"websocket")])),
    *((f"{name.decode()} behind a field", [*without(name), (b"x", b"y"), (name, value)])
      for name, value in request()),
    ("all pseudo-fields behind a field", [(b"x", b"y"), *request()]),
]

METHODS = [(f"the method {method!r}", request(method)) for method in (
    b"G ET", b"GET ", b" GET", b"GET /evil HTTP/1.1\r\nx: y", b"GET\r\n", b"GET\0", b"GET\t",
    b"G\x80", b"GET:", b"(GET)", b"GET,POST", b"get", b"BREW", b"PRI", b"G\xc3\x84T")]

PATHS = [(f"the path {path!r}", request(path=path)) for path in (
    b"case", b"./case", b"?x", b"#x", b"/x#y", b"/x#", b"*", b"**", b"*/x", b"/a b", b"/ HTTP/1.1",
    b"/a\tb", b"/a\rb", b"/a\nb", b"/a\0b", b"/a\x01b", b"/a\x7fb", b"/\xe4", b"/\xc3\xa4",
    b"/?\xe4", b"\\x", b" /x", b"/x ", b"/ HTTP/1.1\r\nevil: 1",
    b"/x HTTP/1.1\r\nHost: x\r\n\r\nGET /evil",
    b"http://shop.example/x", b"https://shop.example/", b"http://evil.example/", b"shop.example:80",
    b"javascript:alert(1)", b"ftp://shop.example/")] + [
        ("the path '*' of POST", request(b"POST", b"*")),
        ("the path '*/' of OPTIONS", request(b"OPTIONS", b"*/")),
        ("an empty path of OPTIONS", request(b"OPTIONS", b"")),
]

AUTHORITIES = [(f"the authority {authority!r}", request(authority=authority)) for authority in (
    b"", b" ", b"user@shop.example", b"user:pass@shop.example", b"shop.example@evil.example",
    b"@shop.example", b"shop.example:http", b"shop.example:80x", b"shop.example:65536",
    b"shop.example:4294967376", b"shop.example:-80", b"shop.example:+80", b"shop.example: 80",
    b"shop.example :80", b"shop.example:80:80", b":80", b":", b"shop example", b" shop.example",
    b"shop.example ", b"shop\texample", b"shop.example/x", b"shop.example?x", b"shop.example#x",
    b"http://shop.example", b"shop.example\\evil", b"shop.example,evil.example",
    b"shop.example, evil.example", b"shop.example,", b'"shop.example"', b"<script>", b"{shop}",
    b"shop^example", b"shop|example", b"sh\xf6p.example", b"sh\xc3\xb6p.example",
    b"shop\x01.example", b"shop\x7f.example", b"shop.example\0", b"shop.example\r\nevil: 1",
    b"shop.example\n", b"[::1", b"::1]",
    b"::1", b"[]", b"[shop.example]", b"[127.0.0.1]", b"[::1::2]", b"[::12345]",
    b"[fe80::1%25eth0]", b"[::1]x", b"[::1]:x", b"a[::1]")]

HOSTS = [
    ("neither :authority nor host", request(authority=None)),
    ("an empty host alone", request(authority=None, extra=[(b"host", b"")])),
    ("two hosts", request(authority=None, extra=[(b"host", HOST), (b"host", HOST)])),
    ("two hosts beside :authority", fields((b"host", HOST), (b"host", HOST))),
    ("another host", fields((b"host", b"evil.example"))),
    ("another port", fields((b"host", b"shop.example:8080"))),
    ("an empty host", fields((b"host", b""))),
    ("a host with userinfo", fields((b"host", b"user@shop.example"))),
    ("a host with userinfo alone", request(authority=None, extra=[(b"host", b"u@shop.example")])),
    ("a list of hosts", request(authority=None, extra=[(b"host", b"shop.example,evil.example")])),
    ("a host with a bad port", request(authority=None, extra=[(b"host", b"shop.example:x")])),
    ("a host with a slash", request(authority=None, extra=[(b"host", b"shop.example/x")])),
]

SCHEMES = [(f"the scheme {scheme!r}", request(scheme=scheme)) for scheme in (
    b"ftp", b"file", b"javascript", b"httpx", b"http ", b" http", b"ht tp", b"http\0",
    b"http://evil.example/", b"http\r\nevil: 1", b"1http", b"h\xe4", b"ws", b"http:",
    b"http,https")]

CONNECTION_FIELDS = [(f"{key.decode()}: {value.decode()}", fields((key, value))) for key, value in (
    (b"connection", b"close"), (b"connection", b"keep-alive"), (b"connection", b"x-value"),
    (b"connection", b""), (b"keep-alive", b"timeout=5"), (b"proxy-connection", b"keep-alive"),
    (b"upgrade", b"h2c"), (b"upgrade", b"websocket"), (b"transfer-encoding", b"chunked"),
    (b"transfer-encoding", b"identity"), (b"transfer-encoding", b""), (b"te", b"gzip"),
    (b"te", b"trailers, gzip"), (b"te", b"chunked"), (b"te", b""))] + [
        ("transfer-encoding of POST", post((b"transfer-encoding", b"chunked"))),
        ("transfer-encoding beside a length",
         post((b"content-length", b"0"), (b"transfer-encoding", b"chunked"))),
]

LENGTHS = [(f"content-length {value!r}", post((b"content-length", value))) for value in (
    b"", b" 0", b"0 ", b"+0", b"-0", b"-1", b"0x0", b"a", b"0.0", b"0e0", b"0,0", b"0, 0", b"0;",
    b'"0"', b"18446744073709551616", b"99999999999999999999999999", b"\xd9\xa0", b"0 0",
    b"0_0")] + [
        ("two lengths", post((b"content-length", b"0"), (b"content-length", b"0"))),
        ("two lengths that differ", post((b"content-length", b"0"), (b"content-length", b"5"))),
]

CONNECTS = [
    ("CONNECT", [(b":method", b"CONNECT"), (b":authority", b"shop.example:443")]),
    ("CONNECT without :authority", [(b":method", b"CONNECT")]),
    ("CONNECT with :path", [(b":method", b"CONNECT"), (b":authority", b"shop.example:443"),
                            (b":path", b"/")]),
    ("CONNECT with all", request(b"CONNECT")),
    ("extended CONNECT without :path", [
        (b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"http"),
        (b":authority", HOST)]),
    ("extended CONNECT without :scheme", [
        (b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":path", b"/"),
        (b":authority", HOST)]),
    ("extended CONNECT without :authority", [
        (b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":path", b"/"),
        (b":scheme", b"http")]),
    *((f"extended CONNECT with :protocol {protocol!r}", request(
        b"CONNECT", first=[(b":protocol", protocol)])) for protocol in
      (b"", b"web socket", b"websocket\r\nevil: 1", b"h2c", b"websocket, h2c", b"connect-ip")),
    ("extended CONNECT with two :protocol", request(b"CONNECT", first=[
        (b":protocol", b"websocket"), (b":protocol", b"websocket")])),
    ("extended CONNECT with a bad path", request(b"CONNECT", b"/a b", first=[
        (b":protocol", b"websocket")])),
    ("extended CONNECT with upgrade", request(b"CONNECT", first=[(b":protocol", b"websocket")],
                                              extra=[
        (b"upgrade", b"websocket"), (b"connection", b"upgrade")])),
    ("extended CONNECT with a length", request(b"CONNECT", first=[(b":protocol", b"websocket")],
                                               extra=[
        (b"content-length", b"5")])),
]

OTHERS = [
    ("TRACE", request(b"TRACE")),
    ("an unknown expectation", post((b"expect", b"magic"))),
]

REFUSED = [*NAMES, *VALUES, *PSEUDO, *METHODS, *PATHS, *AUTHORITIES, *HOSTS, *SCHEMES,
           *CONNECTION_FIELDS, *LENGTHS, *CONNECTS, *OTHERS]


class Refused(FramesTest):
    """Malformed requests are errors of their stream (RFC 9113, 8.1.1): a status of 4xx, 501 where
    it is the method's, or RST_STREAM."""

    @table(REFUSED)
    def refused(self, head):
        client = self.client()
        stream = client.finish(client.open(head))
        self.assert_refused(client, stream)
        self.assertEqual([str(one) for one in self.seen()], [])
        self.assert_serves(client)

    @table([(name, head) for name, head in REFUSED if name in (
        "two :path", "the path '/x#y'", "transfer-encoding of POST", "the method 'GET '",
        "a host with userinfo", "the value b'a\\r\\nevil: 1'", "CONNECT")])
    def refused_with_a_body(self, head):
        client = self.client()
        stream = client.open(head, END_HEADERS)
        client.send(data(stream, b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assert_refused(client, client.finish(stream))
        self.assertEqual([str(one) for one in self.seen()], [])
        self.assert_serves(client)

    def assert_refused(self, client, stream):
        if stream.status:
            self.assertTrue(400 <= stream.status < 500 or stream.status == 501, f"got {client}")
        else:
            self.assert_reset(stream, Code.PROTOCOL_ERROR)


# -- Refused with a certain status -----------------------------------------------------------------

class TooLarge(FramesTest):
    """[limits] header_bytes and headers: 431, or a reset, and nothing is kept of it."""

    @table([
        ("one field more than is allowed", numbered(HEADERS + 1)),
        ("ten times the fields", numbered(10 * HEADERS)),
        ("a value larger than the head", [(b"x-value", b"a" * (HEADER_BYTES + 1))]),
        ("values that are too large together", numbered(20, b"a" * (HEADER_BYTES // 16))),
        ("a large name", [(b"x" * (HEADER_BYTES + 1), b"1")]),
        ("a large cookie in crumbs", [(b"cookie", b"c%d=" % n + b"a" * 600) for n in range(80)]),
        ("a block of a megabyte", numbered(64, b"a" * 16000)),
    ])
    def too_large(self, extra):
        client = self.client()
        stream = self.send_in_pieces(client, block(request(extra=extra)))
        client.wait_for(lambda: client.stream(stream).over)
        got = client.stream(stream)
        if got.status or got.reset is not None:
            self.assertTrue(got.status == 431 or got.reset in (
                Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM, Code.REFUSED_STREAM,
                Code.INTERNAL_ERROR), f"got {client}")
        else:
            self.assert_connection_error(client, Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR,
                                         Code.COMPRESSION_ERROR)
        self.assertEqual([str(one) for one in self.seen()], [])
        if not client.closed:
            self.assert_serves(client)

    def test_a_target_too_large(self):
        client = self.client()
        stream = self.send_in_pieces(client, block(request(path=b"/" + b"a" * HEADER_BYTES)))
        got = client.finish(stream)
        self.assertIn(got.status, (414, 431), f"got {client}")
        self.assertEqual([str(one) for one in self.seen()], [])
        self.assert_serves(client)

    def test_as_many_fields_as_are_allowed(self):
        client = self.client()
        self.assert_ok(client.finish(client.open(fields(*numbered(HEADERS - 10)))))
        self.assertEqual(len(self.seen()), 1)

    @staticmethod
    def send_in_pieces(client, whole):
        stream, client.next_id = client.next_id, client.next_id + 2
        pieces = [whole[at:at + SMALLEST_FRAME_LIMIT]
                  for at in range(0, len(whole), SMALLEST_FRAME_LIMIT)]
        frames = [frame(Kind.HEADERS, stream, pieces[0], END_STREAM)]
        frames += [continuation(stream, piece, 0) for piece in pieces[1:]]
        frames.append(continuation(stream))
        client.send(*frames)
        return stream


# -- Forwarded: what the node may see --------------------------------------------------------------

FORWARDED = [
    ("a plain one", fields(), [b"GET /case HTTP/1.1\r\n", b"\r\nHost: shop.example\r\n"], []),
    ("host alone", request(authority=None, extra=[(b"host", HOST)]),
     [b"\r\nHost: shop.example\r\n"], []),
    ("host beside the same :authority", fields((b"host", HOST)),
     [b"\r\nHost: shop.example\r\n"], []),
    ("a port", request(authority=b"shop.example:8080"), [b"\r\nHost: shop.example:8080\r\n"], []),
    ("brackets", request(authority=b"[::1]:8080"), [b"\r\nHost: [::1]:8080\r\n"], []),
    ("OPTIONS of everything", request(b"OPTIONS", b"*"), [b"OPTIONS * HTTP/1.1\r\n"], []),
    ("two slashes", request(path=b"//evil.example/x"), [b"GET //evil.example/x HTTP/1.1\r\n"], []),
    ("dots", request(path=b"/a/../b/./c"), [b"GET /a/../b/./c HTTP/1.1\r\n"], []),
    ("escapes", request(path=b"/%2e%2E/%00/%0d%0a"), [b"GET /%2e%2E/%00/%0d%0a HTTP/1.1\r\n"], []),
    ("what browsers send in queries", request(path=b"/?a=|^{}\"<>`[]\\'"),
     [b"GET /?a=|^{}\"<>`[]\\' HTTP/1.1\r\n"], []),
    ("https on a plain listener is not believed", request(scheme=b"https"),
     [b"\r\nX-Forwarded-Proto: http\r\n"], []),
    ("an empty value", fields((b"x-value", b"")), [b"x-value:"], []),
    ("bytes beyond ASCII in a value", fields(
        (b"x-value", b"\xe4\xf6")), [b"x-value: \xe4\xf6\r\n"], []),
    ("a tab in a value", fields((b"x-value", b"a\tb")), [b"x-value: a\tb\r\n"], []),
    ("a chunk line in a value", fields(
        (b"x-value", b"0 ; GET /evil HTTP/1.1")), [b"GET /evil"], []),
    ("te: trailers", fields((b"te", b"trailers")), [], [b"\r\nte:"]),
    ("cookie crumbs", fields((b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"),
                             (b"cookie", b"c=3")), [b"a=1; b=2; c=3\r\n"], []),
    ("what tells where a request came from", fields(
        (b"x-forwarded-for", b"192.0.2.66"), (b"x-forwarded-host", b"evil.example"),
        (b"x-forwarded-proto", b"https"), (b"forwarded", b"for=192.0.2.66"),
        (b"x-real-ip", b"192.0.2.66"), (b"client-cert", b":evil=:"), (b"remote-user", b"evil"),
        (b"x-original-url", b"/evil"), (b"proxy", b"evil")), [], [b"192.0.2.66", b"evil"]),
    ("names with other characters", fields(
        (b"x_forwarded_for", b"evil"), (b"x.real.ip", b"evil"), (b"remote_user", b"evil"),
        (b"x!y", b"evil"), (b"x'y", b"evil"), (b"x*y", b"evil"), (b"x~y", b"evil"),
        (b"x|y", b"evil"),
        (b"transfer_encoding", b"evil"), (b"content_length", b"evil"), (b"host_", b"evil"),
        (b"x^y", b"evil"), (b"x`y", b"evil"), (b"x$y", b"evil"), (b"x+y", b"evil")), [], [b"evil"]),
    ("max-forwards of GET", fields((b"max-forwards", b"0")), [], []),
    ("content-length 0 without a body", post((b"content-length", b"0")),
     [], [b"hunked"]),
    ("a priority", fields((b"priority", b"u=1, i")), [], []),
]


class Forwarded(FramesTest):
    """One request of one stream, with the fields that the client may set."""

    @table(FORWARDED)
    def forwarded(self, head, sees, hides):
        client = self.client()
        self.assert_ok(client.finish(client.open(head)))
        (one,) = self.seen()
        text = one.head.replace(b"host:", b"Host:")
        for part in sees:
            self.assertIn(part, text)
        for part in hides:
            self.assertNotIn(part, text)
        for name in (b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te"):
            self.assertIn(one.values(name), ([], [b"keep-alive"]))
        self.assertLessEqual(len(one.values(b"cookie")), 1)

    def test_one_via_says_which_protocol_came(self):
        client = self.client()
        self.assert_ok(client.get())
        (one,) = self.seen()
        self.assertEqual([value.split()[0] for value in one.values(b"via")], [b"2.0"])

    @table([("first", 0), ("second", 1), ("last", 50)])
    def our_cookie_is_found_and_removed_in_crumb(self, place):
        client = self.client()
        met = client.get()
        cookie = met.field(b"set-cookie")[0].split(b";")[0]
        crumbs = [(b"cookie", b"c%d=%d" % (number, number)) for number in range(50)]
        crumbs.insert(place, (b"cookie", cookie))
        for _ in range(4):
            again = client.get(extra=crumbs)
            self.assert_ok(again)
            self.assertEqual(again.field(b"x-node"), met.field(b"x-node"))
            self.assertEqual(again.field(b"set-cookie"), [])
        for one in self.seen()[1:]:
            self.assertNotIn(cookie.split(b"=")[0] + b"=", one.head)
            self.assertEqual(one.values(b"cookie"),
                             [b"; ".join(b"c%d=%d" % (n, n) for n in range(50))])

    @table([(f"{size} bytes, {'with' if told else 'without'} a length", size, told)
            for size in (0, 1, 5, 16384, 60000) for told in (False, True)])
    def a_body_of(self, size, told):
        client = self.client()
        stream = client.open(post(*([(b"content-length", b"%d" % size)] if told else [])),
                             END_HEADERS)
        body = b"0\r\n\r\n" * (size // 5) + b"x" * (size % 5)
        for at in range(0, size, 16384):
            client.send(data(stream, body[at:at + 16384], 0))
        client.send(data(stream))
        self.assert_ok(client.finish(stream))
        (one,) = self.seen()
        self.assertTrue(one.complete)
        self.assertEqual(bytes(one.body), body)
        self.assertEqual(one.values(b"content-length"), [b"%d" % size] if told else [])


# -- Bodies that contradict the head, and trailers -------------------------------------------------

class Bodies(FramesTest):
    """A body that is not what its length says is an error of its stream (RFC 9113, 8.1.1)."""

    @table([
        ("less", b"5", [(b"abc", END_STREAM)]),
        ("nothing but the end", b"5", [(b"", END_STREAM)]),
        ("one byte less of many", b"40000", [(b"a" * 16384, 0), (b"a" * 16384, 0),
                                             (b"a" * 7231, END_STREAM)]),
    ])
    def a_body_that_is(self, length, frames):
        client = self.client()
        stream = client.open(post((b"content-length", length)), END_HEADERS)
        client.send(*(data(stream, payload, flags) for payload, flags in frames))
        self.assert_cut(client, stream)

    @table([
        ("in one frame", b"5", [(b"abcdef", END_STREAM)]),
        ("in a second frame", b"5", [(b"abcde", 0), (b"f", END_STREAM)]),
        ("without an end", b"5", [(b"abcde", 0), (b"f", 0)]),
        ("than nothing", b"0", [(b"a", END_STREAM)]),
        ("by a request", b"5", [(b"abcdeGET /evil HTTP/1.1\r\nHost: x\r\n\r\n", END_STREAM)]),
    ])
    def a_body_that_is_more(self, length, frames):
        """A node may have all that was told before more comes; it gets nothing of what is too
        much."""
        client = self.client()
        stream = client.open(request(b"POST", b"/wait", extra=[(b"content-length", length)]),
                             END_HEADERS)
        client.send(*(data(stream, payload, flags) for payload, flags in frames))
        self.assert_refused(client, stream)
        requests = self.seen()
        self.assertLessEqual(len(requests), 1)
        for one in requests:
            self.assertIn(bytes(one.body), (b"", b"abcde"))
        self.assert_serves(client)

    def test_the_end_with_the_head_where_a_length_is_told(self):
        client = self.client()
        stream = client.open(post((b"content-length", b"5")))
        self.assert_cut(client, stream)

    def test_trailers_in_place_of_the_rest(self):
        client = self.client()
        stream = client.open(post((b"content-length", b"5")), END_HEADERS)
        client.send(data(stream, b"abc", 0), headers(stream, [(b"x-sum", b"1")]))
        self.assert_cut(client, stream)

    def assert_refused(self, client, stream):
        got = client.finish(stream)
        if got.status:
            self.assertTrue(400 <= got.status < 500, f"got {client}")
        else:
            self.assert_reset(got, Code.PROTOCOL_ERROR)

    def assert_cut(self, client, stream):
        """No node may take the request for a whole one."""
        self.assert_refused(client, stream)
        requests = self.seen()
        self.assertLessEqual(len(requests), 1)
        self.assertEqual([str(one) for one in requests if one.complete], [])
        self.assert_serves(client)

    @table([(name, trailer) for name, trailer in (
        ("a pseudo-field", (b":path", b"/evil")), (":status", (b":status", b"200")),
        ("connection", (b"connection", b"close")), ("upper case", (b"X-Sum", b"1")),
        ("transfer-encoding", (b"transfer-encoding", b"chunked")),
        ("a line end", (b"x-sum", b"1\r\n")),
        ("a line end in the name", (b"x-sum\r\nevil", b"1")), ("a blank name", (b" ", b"1")),
        ("an empty name", (b"", b"1")), ("a colon", (b"x:", b"1")), ("a NUL", (b"x-sum", b"\0")),
        ("keep-alive", (b"keep-alive", b"1")), ("upgrade", (b"upgrade", b"h2c")),
        ("a blank in front", (b"x-sum", b" 1")))])
    def trailers_with(self, trailer):
        client = self.client()
        stream = client.open(post(), END_HEADERS)
        client.send(data(stream, b"hello", 0), headers(stream, [trailer]))
        self.assert_cut(client, stream)

    def test_trailers_without_the_end(self):
        client = self.client()
        stream = client.open(post(), END_HEADERS)
        client.send(data(stream, b"hello", 0), headers(stream, [(b"x-sum", b"1")], END_HEADERS))
        self.assert_cut(client, stream)

    @table([(name.decode(), name) for name in (
        b"content-length", b"host", b"authorization", b"cookie", b"set-cookie", b"x-forwarded-for",
        b"content-type", b"te", b"trailer", b"x_sum", b"expect", b"max-forwards")])
    def trailers_that_decide_something_are_dropped_or_refused(self, name):
        client = self.client()
        stream = client.open(post(), END_HEADERS)
        client.send(data(stream, b"hello", 0), headers(stream, [(name, b"5"), (b"x-sum", b"1")]))
        got = client.finish(stream)
        if got.status != 200:
            return self.assert_cut(client, stream)
        (one,) = self.seen()
        self.assertNotIn(name.lower(), [key.lower() for key, _ in one.trailers])
        self.assertEqual(bytes(one.body), b"hello")
        self.assert_serves(client)
        return None

    def test_good_trailers_go_on(self):
        client = self.client()
        stream = client.open(post((b"te", b"trailers")), END_HEADERS)
        client.send(data(stream, b"hello", 0), headers(stream, [(b"x-sum", b"1")]))
        self.assert_ok(client.finish(stream))
        (one,) = self.seen()
        self.assertEqual([(key.lower(), value) for key, value in one.trailers], [(b"x-sum", b"1")])

    def test_an_expectation_is_answered_before_the_body(self):
        client = self.client()
        stream = client.open(post((b"expect", b"100-continue"), (b"content-length", b"5")),
                             END_HEADERS)
        client.read_until(lambda: client.stream(stream).heads, "100 Continue")
        self.assertEqual(dict(client.stream(stream).heads[0])[b":status"], b"100")
        client.send(data(stream, b"hello"))
        self.assert_ok(client.finish(stream))


# -- Names that CGI folds --------------------------------------------------------------------------

class UnderscoresPassed(FramesTest):
    """[server] underscore_names = "pass": as in HTTP/1, but for what a client may not set."""

    options = {"underscore_names": "pass"}

    def test_they_pass(self):
        client = self.client()
        self.assert_ok(client.get(b"/case", [(b"x_user", b"good"), (b"x.user", b"good"),
                                          (b"x_forwarded_for", b"evil"), (b"x_real_ip", b"evil")]))
        (one,) = self.seen()
        self.assertEqual(one.head.count(b"good"), 2)
        self.assertNotIn(b"evil", one.head)


class UnderscoresRefused(FramesTest):
    options = {"underscore_names": "refuse"}

    @table([(name.decode(), name) for name in (b"x_user", b"x.user", b"x!user", b"host_")])
    def refused(self, name):
        client = self.client()
        stream = client.finish(client.open(fields((name, b"1"))))
        self.assertEqual(stream.status, 400, f"got {client}")
        self.assertEqual([str(one) for one in self.seen()], [])
        self.assert_serves(client)


# -- HPACK -----------------------------------------------------------------------------------------

PSEUDO_BLOCK = block(request())


class Hpack(FramesTest):
    """What cannot be decoded is an error of the connection (RFC 9113, 4.3)."""

    @table([
        ("index 0", indexed(0)),
        ("an index behind the static table", indexed(62)),
        ("a large index", indexed(1 << 20)),
        ("an index that overflows", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("a name behind the static table", integer(62, 4) + string(b"x")),
        ("a table larger than we allow", table_size(1 << 20)),
        ("a table size behind a field", literal(b"x", b"y") + table_size(0)),
        ("a truncated name", b"\x00\x7f\x00abc"),
        ("a truncated value", b"\x00\x01x\x05ab"),
        ("a truncated integer", b"\xff\xff"),
        ("a literal without a value", b"\x00\x01x"),
        ("Huffman with bad padding", b"\x00\x01x\x81\x00"),
        ("Huffman with its end-of-string symbol", b"\x00\x01x\x84\xff\xff\xff\xff"),
        ("Huffman with too much padding", b"\x00\x01x\x83\x1f\xff\xff"),
        ("a length beyond 32 bits", b"\x00\x7f\xff\xff\xff\xff\xff\x7f"),
    ])
    def broken(self, bytes_of_block):
        client = self.client()
        client.send(frame(Kind.HEADERS, 1, PSEUDO_BLOCK + bytes_of_block, END_STREAM | END_HEADERS))
        self.assert_connection_error(client, Code.COMPRESSION_ERROR)
        self.assertEqual([str(one) for one in self.seen()], [])

    @table([
        ("the table of size 0", table_size(0)),
        ("two table sizes", table_size(0) + table_size(4096)),
        ("fields in the dynamic table", literal(b"x-a", b"1", 0x40) + indexed(62) + indexed(62)),
        ("fields that no table may keep", literal(b"x-a", b"1", 0x10)),
        ("an entry larger than the table", literal(b"x-a", b"1" * 5000, 0x40)),
    ])
    def good(self, bytes_of_block):
        client = self.client()
        sizes = bytes_of_block if bytes_of_block[0] & 0xe0 == 0x20 else b""
        rest = b"" if sizes else bytes_of_block
        client.send(frame(Kind.HEADERS, 1, sizes + PSEUDO_BLOCK + rest, END_STREAM | END_HEADERS))
        client.next_id = 3
        self.assert_ok(client.finish(1))
        self.assertEqual(len(self.seen()), 1)
        self.assert_serves(client)

    def test_a_bomb_is_refused(self):
        """A value of 4 KiB that 8,000 bytes refer to: 32 MiB when decoded (CVE-2016-6581)."""
        client = self.client()
        bomb = literal(b"x-bomb", b"a" * 4000, 0x40) + indexed(62) * 8000
        before = self.proxy.resident_bytes()
        client.send(frame(Kind.HEADERS, 1, PSEUDO_BLOCK + bomb, END_STREAM | END_HEADERS))
        client.wait_for(lambda: client.stream(1).over)
        got = client.stream(1)
        self.assertTrue(got.status == 431 or got.reset is not None or client.error, f"got {client}")
        self.assertEqual([str(one) for one in self.seen()], [])
        self.assertLess(self.proxy.resident_bytes() - before, 4 * 1024 * 1024)

    def test_the_table_of_a_refused_request_is_kept(self):
        """Its fields are decoded all the same: later requests may refer to them."""
        client = self.client()
        first = block(request(first=[(b":path", b"/evil")])) + literal(b"x-kept", b"good", 0x40)
        client.send(frame(Kind.HEADERS, 1, first, END_STREAM | END_HEADERS))
        client.finish(1)
        client.send(frame(Kind.HEADERS, 3, PSEUDO_BLOCK + indexed(62), END_STREAM | END_HEADERS))
        self.assert_ok(client.finish(3))
        (one,) = self.seen()
        self.assertEqual(one.values(b"x-kept"), [b"good"])

    def test_the_table_of_a_request_that_is_too_large_is_kept(self):
        client = self.client()
        first = literal(b"x-kept", b"good", 0x40) + block(request(extra=numbered(HEADERS + 1)))
        client.send(frame(Kind.HEADERS, 1, first, END_STREAM | END_HEADERS))
        client.wait_for(lambda: client.stream(1).over)
        if client.closed:
            return
        client.send(frame(Kind.HEADERS, 3, PSEUDO_BLOCK + indexed(62), END_STREAM | END_HEADERS))
        self.assert_ok(client.finish(3))
        (one,) = self.seen()
        self.assertEqual(one.values(b"x-kept"), [b"good"])
