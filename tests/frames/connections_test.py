"""Connections: how they begin, with TLS and without, frames in pieces, and clients that take their
time (RFC 9113, 3)."""

import socket
import time

from framing.case import FramesTest, table
from framing.client import DEADLINE, Client
from framing.wire import (ACK, END_HEADERS, END_STREAM, PADDED, PREFACE, Code, Kind, Setting, block,
                          continuation, data, frame, goaway, headers, padded, ping, priority,
                          request, settings, window_update)

PROTOCOL = Code.PROTOCOL_ERROR
GET_BLOCK = block(request())
UNKNOWN_KIND = 0xb7


class Beginnings(FramesTest):
    """RFC 9113, 3.4. Clients that send frames in pieces must not answer any within one."""

    @table([
        ("a request", headers(1, request())), ("PING", ping()), ("DATA", data(1, b"x")),
        ("WINDOW_UPDATE", window_update(0, 1)), ("an unknown frame", frame(UNKNOWN_KIND, 0)),
        ("an acknowledgement", settings((), ACK)), ("GOAWAY", goaway()), ("PRIORITY", priority(1))])
    def the_first_frame_is(self, sent):
        client = self.client(greeting=PREFACE + sent)
        client.read_to_the_end()
        self.assertIn(client.error, (PROTOCOL, None))  # "a GOAWAY frame MAY be omitted"
        self.assertEqual([str(one) for one in self.seen()], [])

    @table([
        ("another word", PREFACE.replace(b"SM", b"XX")),
        ("a byte too many", PREFACE[:-2] + b"x\r\n"),
        ("HTTP/1.1", PREFACE.replace(b"2.0", b"1.1")),
        ("HTTP/3.0", PREFACE.replace(b"2.0", b"3.0")),
        ("another method", PREFACE.replace(b"PRI", b"PRX")),
        ("a target", PREFACE.replace(b"*", b"/")),
        ("a field", PREFACE[:16] + b"Host: x\r\n\r\nSM\r\n\r\n"),
        ("bare line ends", PREFACE.replace(b"\r", b"")),
        ("small letters", PREFACE.lower()), ("a blank in front", b" " + PREFACE),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\0" * 32)])
    def a_wrong_preface_with(self, preface):
        client = self.client(greeting=preface + settings() + headers(1, request()))
        client.read_to_the_end()
        self.assertNotIn(200, [stream.status for stream in client.streams.values()])
        self.assertEqual([str(one) for one in self.seen()], [])

    def test_a_client_that_goes_within_the_preface(self):
        for size in range(len(PREFACE)):
            with Client(self.proxy.address, greeting=PREFACE[:size]) as client:
                if size % 2:
                    client.socket.shutdown(socket.SHUT_WR)
        self.assertEqual([str(one) for one in self.seen()], [])

    def test_http_1_on_the_same_listener(self):
        for request_bytes in (b"GET /one HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                              b"P", b"PRI", b"PUT /one HTTP/1.1\r\nHost: a\r\n\r\n"):
            with socket.create_connection(self.proxy.address) as client:
                client.settimeout(10)
                for byte in request_bytes:
                    client.sendall(bytes([byte]))
                if request_bytes.endswith(b"\r\n\r\n"):
                    self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))
        self.assertEqual([one.target for one in self.seen()], [b"/one", b"/one"])

    @table([(name, fields) for name, fields in (
        ("h2c", b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
        ("h2c without settings", b"Upgrade: h2c\r\nConnection: Upgrade\r\n"),
        ("h2", b"Upgrade: h2\r\nConnection: Upgrade\r\n"))])
    def an_upgrade_is_never_honoured_to(self, fields):
        with socket.create_connection(self.proxy.address) as client:
            client.settimeout(10)
            client.sendall(b"GET /one HTTP/1.1\r\nHost: shop.example\r\n" + fields + b"\r\n")
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))
        (one,) = self.seen()
        for name in (b"upgrade", b"http2-settings", b"connection"):
            self.assertEqual(one.values(name), [])

    WHOLE = (PREFACE + settings([(Setting.INITIAL_WINDOW_SIZE, 65535)]) + ping() +
             headers(1, request(b"POST"), END_HEADERS) + data(1, b"hello", 0) +
             frame(Kind.DATA, 1, padded(b"world", b"\0\0\0"), PADDED) +
             headers(1, [(b"x-sum", b"1")]) + headers(3, [], END_STREAM, before=GET_BLOCK[:9]) +
             continuation(3, GET_BLOCK[9:]) + priority(5) + window_update(0, 1))

    @staticmethod
    def pieces(client, whole):
        """Sends byte by byte."""
        for byte in whole:
            client.send(bytes([byte]))

    def check_whole(self, client):
        self.assert_ok(client.finish(1))
        self.assert_ok(client.finish(3))

    def check_requests(self, count):
        requests = self.seen()
        self.assertEqual(len(requests), 2 * count)
        bodies = [bytes(one.body) for one in requests if one.method == b"POST"]
        self.assertEqual(bodies, [b"helloworld"] * count)

    def test_frames_in_one_piece(self):
        self.check_whole(self.client(greeting=self.WHOLE))
        self.check_requests(1)

    def test_frames_byte_by_byte(self):
        client = self.client(greeting=b"", answers=False, refill=False)
        self.pieces(client, self.WHOLE)
        self.check_whole(client)
        self.check_requests(1)

    def test_frames_cut_in_two_at_every_byte(self):
        for at in range(1, len(self.WHOLE)):
            with Client(self.proxy.address, greeting=self.WHOLE[:at], answers=False,
                        refill=False) as client:
                if at > len(PREFACE) + 9:
                    client.read_until(lambda client=client: client.settings, "SETTINGS")
                client.send(self.WHOLE[at:])
                self.check_whole(client)
        self.check_requests(len(self.WHOLE) - 1)

    def test_heads_of_two_connections_by_turns(self):
        """What has come of a head is not mixed with what another connection sends meanwhile."""
        slow, quick = self.client(), self.client()
        for one in (slow, quick):
            one.round_trip()  # so that SETTINGS are not acknowledged in the middle of a head
        whole = block(request(path=b"/slow", extra=[(b"cookie", b"user=slow"), (b"x-only", b"it")]))
        for at in range(1, len(whole)):
            stream, slow.next_id = slow.next_id, slow.next_id + 2
            slow.send(headers(stream, [], END_STREAM, before=whole[:at]))
            for _ in range(2):  # whose second answer comes after the part was read
                self.assert_ok(quick.get(b"/quick", [(b"cookie", b"user=quick")]))
            slow.send(continuation(stream, whole[at:]))
            self.assert_ok(slow.finish(stream))
        requests = self.seen()
        self.assertEqual(len(requests), 3 * (len(whole) - 1))
        for one in requests:
            name = one.target[1:]
            self.assertEqual(one.values(b"cookie"), [b"user=" + name], str(one))
            self.assertEqual(one.values(b"x-only"), [b"it"] if name == b"slow" else [], str(one))

    def test_a_client_that_goes_at_every_byte(self):
        for at in range(1, len(self.WHOLE)):
            Client(self.proxy.address, greeting=self.WHOLE[:at]).socket.close()
        # What the last ones have sent must not reach the node in the next case.
        deadline = time.monotonic() + DEADLINE
        while self.proxy.client_connections() and time.monotonic() < deadline:
            time.sleep(0.01)
        for one in self.seen():
            self.assertTrue(b"helloworld".startswith(one.body), str(one))


class Encrypted(FramesTest):
    """The same over TLS, where the protocol is chosen by ALPN."""

    options = {"tls": "strict_host = true"}

    def encrypted(self, protocols=("h2", "http/1.1"), **options):
        client = Client(self.proxy.tls_address, tls=self.proxy.client_context(protocols), **options)
        self.addCleanup(client.socket.close)
        return client

    def test_frames_byte_by_byte(self):
        client = self.encrypted(greeting=b"", answers=False, refill=False)
        self.assertEqual(client.socket.selected_alpn_protocol(), "h2")
        Beginnings.pieces(client, Beginnings.WHOLE)
        self.assert_ok(client.finish(1))
        self.assert_ok(client.finish(3))
        self.assertEqual(len(self.seen()), 2)

    def test_errors_arrive_before_the_end(self):
        client = self.encrypted()
        client.send(data(0, b"x"))
        self.assert_connection_error(client, PROTOCOL)

    @table([("HTTP/1.1 where h2 was chosen", ("h2",),
             b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
            ("the preface where HTTP/1.1 was chosen", ("http/1.1",),
             PREFACE + settings() + headers(1, request()))])
    def another_protocol_than_the_chosen_one(self, protocols, greeting):
        client = self.encrypted(protocols, greeting=greeting)
        client.wait_for(lambda: client.closed)
        self.assertTrue(client.closed)
        self.assertEqual([str(one) for one in self.seen()], [])

    @table([("another host", b"other.example"), ("an address", b"127.0.0.1")])
    def a_request_for(self, authority):
        """The certificate is not for it: 421 (RFC 9110, 15.5.20) by strict_host, as the connection
        may be one that the client has for another host."""
        client = self.encrypted()
        stream = client.finish(client.open(request(authority=authority, scheme=b"https")))
        self.assertEqual(stream.status, 421, f"got {client}")
        self.assertEqual([str(one) for one in self.seen()], [])

    def test_the_scheme_that_the_client_says_is_not_believed(self):
        client = self.encrypted()
        self.assert_ok(client.finish(client.open(request(scheme=b"http"))))
        (one,) = self.seen()
        self.assertEqual(one.values(b"x-forwarded-proto"), [b"https"])

    def test_a_large_body_each_way(self):
        client = self.encrypted()
        self.assertEqual(len(client.get(b"/b/3000000").body), 3000000)


class Slow(FramesTest):
    """[timeouts]: nobody is waited for longer than these say, whatever frames come meanwhile."""

    options = {"timeouts": 'header = "1s"\nidle = "1s"\nstall = "1s"\nresponse = "3s"'}
    HALF = headers(1, request())[:20]

    BEGINNINGS = {
        "nothing": b"", "half a preface": PREFACE[:12], "a preface without SETTINGS": PREFACE,
        "half of SETTINGS": PREFACE + settings([(Setting.ENABLE_PUSH, 0)])[:12],
        "no request": PREFACE + settings(), "half a head": PREFACE + settings() + HALF,
        "a head without its end": PREFACE + settings() + headers(1, request(), END_STREAM),
        "half a PING": PREFACE + settings() + ping()[:11]}

    def test_clients_that_do_not_go_on(self):
        clients = {name: self.client(greeting=sent) for name, sent in self.BEGINNINGS.items()}
        for name, client in clients.items():
            with self.subTest(name):
                client.read_to_the_end()
                self.assertIn(client.error, (None, Code.NO_ERROR, Code.ENHANCE_YOUR_CALM,
                                             Code.PROTOCOL_ERROR, Code.SETTINGS_TIMEOUT))
        self.assertEqual([str(one) for one in self.seen()], [])

    def test_clients_that_send_byte_by_byte(self):
        """A byte each 50 ms takes longer than the time-out."""
        head = headers(1, request(path=b"/" + b"a" * 100))
        pieces = {"a preface": PREFACE + settings(), "a head": head,
                  "CONTINUATION": headers(1, [], END_STREAM) + continuation(1, GET_BLOCK, 0)}
        clients = {name: self.client(greeting=b"" if name == "a preface" else None)
                   for name in pieces}
        for at in range(60):
            for name, client in clients.items():
                client.wait_for(lambda client=client: client.closed, 0.05 / len(clients))
                client.send(pieces[name][at:at + 1])
        for name, client in clients.items():
            with self.subTest(name):
                client.read_to_the_end()
        self.assertEqual([str(one) for one in self.seen()], [])

    def test_a_body_that_does_not_come_ends_its_stream_alone(self):
        client = self.client()
        stalled = client.open(request(b"POST", extra=[(b"content-length", b"10")]), END_HEADERS)
        client.send(data(stalled, b"x", 0))
        while not client.wait_for(lambda: client.stream(stalled).over, 0.2):
            self.assert_serves(client)
        got = client.stream(stalled)
        self.assertTrue(got.status == 408 or got.reset is not None, str(client))
        self.assert_serves(client)

    def test_a_body_that_comes_slowly_is_waited_for(self):
        client = self.client()
        stream = client.open(request(b"POST"), END_HEADERS)
        for _ in range(20):
            client.send(data(stream, b"x", 0))
            self.assertFalse(client.wait_for(lambda: client.closed or client.stream(stream).over,
                                             0.1),
                             str(client))
        client.send(data(stream))
        self.assert_ok(client.finish(stream))

    def test_a_download_that_nobody_reads_ends_its_stream_alone(self):
        client = self.client()
        client.unread.add(client.next_id)
        stream = client.open(request(path=b"/b/300000"))
        while not client.wait_for(lambda: client.stream(stream).over, 0.2):
            self.assert_serves(client)
        self.assertIsNotNone(client.stream(stream).reset, str(client))
        self.assertFalse(client.stream(stream).ended)
        self.assert_serves(client)

    def test_a_download_that_nobody_reads_does_not_live_by_pings(self):
        client = self.client(options=[(Setting.INITIAL_WINDOW_SIZE, 0)])
        stream = client.open(request(path=b"/b/300000"))
        for _ in range(100):
            if client.wait_for(lambda: client.closed or client.stream(stream).over, 0.1):
                break
            client.send(ping())
        self.assertTrue(client.closed or client.stream(stream).reset is not None, str(client))

    def test_a_long_request_is_no_idle_connection(self):
        client = self.client()
        stream = client.open(request(path=b"/wait"))
        self.assertFalse(client.wait_for(lambda: client.closed or client.goaway, 1.5), str(client))
        self.node.release()
        self.assert_ok(client.finish(stream))
