"""Flow control (RFC 9113, 5.2 and 6.9): windows are obeyed on both sides, and a stream that stands
still holds no other up."""

from framing.case import FramesTest, table
from framing.wire import (END_HEADERS, INITIAL_WINDOW, LARGEST_WINDOW, SMALLEST_FRAME_LIMIT, Code,
                          Setting, data, request, reset, settings, window_update)

WAIT = request(path=b"/wait")
POST = request(b"POST")
HOLD = request(b"POST", b"/hold")
FLOW = Code.FLOW_CONTROL_ERROR


def initial_window(size):
    return [(Setting.INITIAL_WINDOW_SIZE, size)]


class Downloads(FramesTest):
    """The client's windows."""

    def started(self, size, **options):
        """A client that gives no window back, with the response's head of a download."""
        client = self.client(refill=False, **options)
        stream = client.open(request(path=b"/b/%d" % size))
        client.read_until(lambda: client.stream(stream).heads, "the response's head")
        return client, stream

    def assert_gets(self, client, stream, size):
        """So many bytes, and not one more."""
        client.read_until(lambda: len(client.stream(stream).body) >= size, f"{size} bytes")
        client.round_trip()
        client.round_trip()
        self.assertEqual(len(client.stream(stream).body), size)

    @table([(f"of {size} bytes", size) for size in (0, 1, 100, 16384, 65534)])
    def a_stream_window(self, size):
        client, stream = self.started(100000, options=initial_window(size))
        self.assert_gets(client, stream, size)
        client.send(window_update(stream, 1))
        self.assert_gets(client, stream, size + 1)
        client.send(window_update(stream, LARGEST_WINDOW - 1))
        client.send(window_update(0, LARGEST_WINDOW - INITIAL_WINDOW))
        self.assert_ok(client.finish(stream))
        self.assertEqual(len(client.stream(stream).body), 100000)

    def test_a_window_of_nothing_does_not_hold_an_empty_body_up(self):
        client, stream = self.started(0, options=initial_window(0))
        self.assert_ok(client.finish(stream))

    def test_the_window_of_the_connection(self):
        client, stream = self.started(100000, options=initial_window(LARGEST_WINDOW))
        self.assert_gets(client, stream, INITIAL_WINDOW)
        client.send(window_update(0, 10))
        self.assert_gets(client, stream, INITIAL_WINDOW + 10)
        client.send(window_update(0, 100000))
        self.assert_ok(client.finish(stream))

    def test_the_window_of_the_connection_is_shared(self):
        client = self.client(refill=False, options=initial_window(LARGEST_WINDOW))
        streams = [client.open(request(path=b"/b/50000")) for _ in range(4)]
        got = lambda: sum(len(client.stream(one).body) for one in streams)
        client.read_until(lambda: got() >= INITIAL_WINDOW, "the window")
        client.round_trip()
        self.assertEqual(got(), INITIAL_WINDOW)
        client.send(window_update(0, 200000))
        for one in streams:
            self.assert_ok(client.finish(one))

    def test_the_largest_windows(self):
        client = self.client(refill=False, options=initial_window(LARGEST_WINDOW))
        client.send(window_update(0, LARGEST_WINDOW - INITIAL_WINDOW))
        stream = client.open(request(path=b"/b/3000000"))
        self.assertEqual(len(client.finish(stream).body), 3000000)

    def test_a_window_byte_by_byte(self):
        client, stream = self.started(300, options=initial_window(0))
        for _ in range(300):
            client.send(window_update(stream, 1))
        self.assert_ok(client.finish(stream))
        self.assertEqual(len(client.stream(stream).body), 300)

    def test_a_negative_window(self):
        """RFC 9113, 6.9.2: it must be tracked."""
        client, stream = self.started(200000)
        self.assert_gets(client, stream, INITIAL_WINDOW)
        client.send(settings(initial_window(0)), window_update(0, 1000000))
        self.assert_gets(client, stream, INITIAL_WINDOW)
        client.send(window_update(stream, INITIAL_WINDOW))
        self.assert_gets(client, stream, INITIAL_WINDOW)
        client.send(window_update(stream, 5))
        self.assert_gets(client, stream, INITIAL_WINDOW + 5)
        client.send(settings(initial_window(1000)))
        self.assert_gets(client, stream, INITIAL_WINDOW + 1005)
        client.send(settings(initial_window(500)), window_update(stream, 500))
        self.assert_gets(client, stream, INITIAL_WINDOW + 1005)
        client.send(window_update(stream, 200000))
        self.assert_ok(client.finish(stream))

    def test_settings_widen_the_windows_of_all_streams(self):
        client = self.client(refill=False, options=initial_window(0))
        streams = [client.open(request(path=b"/b/1000")) for _ in range(5)]
        client.round_trip()
        client.send(settings(initial_window(600)))
        for one in streams:
            self.assert_gets(client, one, 600)
        client.send(settings(initial_window(1000)))
        for one in streams:
            self.assert_ok(client.finish(one))

    def test_a_window_before_the_stream_has_begun_to_respond(self):
        client = self.client(refill=False, options=initial_window(0))
        stream = client.open(WAIT)
        client.send(window_update(stream, 2))
        client.round_trip()
        self.assertTrue(self.node.await_waiting())
        self.node.release()
        self.assert_gets(client, stream, 2)

    @table([("16384", []), ("16385", [(Setting.MAX_FRAME_SIZE, 16385)]),
            ("a megabyte", [(Setting.MAX_FRAME_SIZE, 2**20)])])
    def frames_are_not_larger_than(self, options):
        client = self.client(options=options)
        self.assert_ok(client.get(b"/b/1000000"))
        limit = dict(options).get(Setting.MAX_FRAME_SIZE, SMALLEST_FRAME_LIMIT)
        self.assertLessEqual(max(size for _, _, _, size in client.frames), limit)

    def test_a_large_head_comes_in_several_frames(self):
        client = self.client()
        got = client.get(b"/head/20000")
        self.assert_ok(got)
        self.assertEqual(got.field(b"x-large"), [b"a" * 20000])
        self.assertLessEqual(max(size for _, _, _, size in client.frames), SMALLEST_FRAME_LIMIT)


    @table([("nothing", 0), ("100 bytes", 100)])
    def the_table_of_response_heads_is_not_larger_than(self, size):
        client = self.client(options=[(Setting.HEADER_TABLE_SIZE, size)])
        client.read_until(lambda: client.settings_acks, "the acknowledgement of SETTINGS")
        client.decoder.max_allowed_table_size = size  # the decoder checks that it was told so
        for _ in range(3):
            self.assert_ok(client.get())
        self.assertLessEqual(client.decoder.header_table_size, size)


class Overflows(FramesTest):
    """A window beyond 2^31-1 (RFC 9113, 6.9.1 and 6.9.2)."""

    def test_of_a_stream(self):
        client = self.client()
        stream = client.open(WAIT)
        client.send(window_update(stream, LARGEST_WINDOW))
        client.wait_for(lambda: client.stream(stream).over or client.goaway)
        if client.goaway:
            self.assert_connection_error(client, FLOW)
        else:
            self.assert_reset(client.stream(stream), FLOW)
            self.assert_serves(client)

    def test_of_a_stream_by_one(self):
        client = self.client()
        stream = client.open(WAIT)
        client.send(window_update(stream, LARGEST_WINDOW - INITIAL_WINDOW))
        client.round_trip()
        self.assertFalse(client.stream(stream).over, str(client))
        client.send(window_update(stream, 1))
        client.wait_for(lambda: client.stream(stream).over or client.goaway)
        self.assertIn(FLOW, (client.stream(stream).reset, client.error))

    def test_of_the_connection(self):
        client = self.client()
        client.send(window_update(0, LARGEST_WINDOW))
        self.assert_connection_error(client, FLOW)

    def test_of_the_connection_by_one(self):
        client = self.client()
        client.send(window_update(0, LARGEST_WINDOW - INITIAL_WINDOW))
        client.round_trip()
        client.send(window_update(0, 1))
        self.assert_connection_error(client, FLOW)

    @table([("by one", INITIAL_WINDOW + 1), ("by far", LARGEST_WINDOW)])
    def of_a_stream_by_settings(self, size):
        client = self.client()
        stream = client.open(WAIT)
        client.send(window_update(stream, LARGEST_WINDOW - INITIAL_WINDOW))
        client.round_trip()
        client.send(settings(initial_window(size)))
        self.assert_connection_error(client, FLOW)

    def test_settings_do_not_touch_the_window_of_the_connection(self):
        client = self.client()
        client.send(window_update(0, LARGEST_WINDOW - INITIAL_WINDOW),
                    settings(initial_window(LARGEST_WINDOW)))
        self.assert_serves(client)


class Uploads(FramesTest):
    """Our windows, with nodes that read nothing until they are told to."""

    node_options = {"receive_buffer": 4096}
    STALLED = 16 * 1024 * 1024  # more than all buffers between here and the node hold
    PATIENCE = 0.03  # seconds after which an upload counts as stalled

    def stalled(self, client):
        stream = client.open(HOLD, END_HEADERS)
        self.assertLess(client.upload(stream, self.STALLED, patience=self.PATIENCE), self.STALLED)
        return stream

    def test_a_stalled_upload_is_held_up_by_its_window(self):
        client = self.client()
        stream = self.stalled(client)
        self.assertFalse(client.stream(stream).over, str(client))
        self.node.release()
        client.read_until(lambda: client.room(stream) > 0, "a wider window")
        client.send(data(stream))
        self.assert_ok(client.finish(stream))
        (one,) = [one for one in self.seen() if one.target == b"/hold"]
        self.assertEqual(len(one.body), client.spent[stream])

    def test_data_beyond_the_window_of_a_stream(self):
        client = self.client()
        stream = client.open(HOLD, END_HEADERS)
        while not client.goaway and not client.stream(stream).over:
            # What is sent last of all is beyond the window, unless that is widened at this moment.
            self.assertLess(client.spent.get(stream, 0), self.STALLED)
            client.upload(stream, self.STALLED, patience=self.PATIENCE)
            client.spend(stream, 1)
            client.send(data(stream, b"x", 0))
            client.wait_for(lambda: client.goaway or client.stream(stream).over or
                            client.room(stream) > 0)
        self.assertIn(FLOW, (client.stream(stream).reset, client.error), str(client))

    def test_much_data_beyond_the_window_of_a_stream(self):
        client = self.client()
        stream = client.open(HOLD, END_HEADERS)
        for _ in range(self.STALLED // SMALLEST_FRAME_LIMIT):
            if not client.send(data(stream, b"x" * SMALLEST_FRAME_LIMIT, 0)) or client.goaway:
                break
        client.wait_for(lambda: client.stream(stream).over or client.goaway)
        self.assertIn(FLOW, (client.stream(stream).reset, client.error), str(client))

    @table([("one stream", 1), ("20 streams", 20)])
    def others_go_on_beside_stalled_uploads_of(self, count):
        client = self.client()
        for _ in range(count):
            self.stalled(client)
        self.assert_ok(client.get(b"/b/100000"), "a download beside them: ")
        stream = client.open(POST, END_HEADERS)
        self.assertEqual(client.upload(stream, 200000), 200000,
                         "an upload beside them stands still")
        client.send(data(stream))
        self.assert_ok(client.finish(stream), "an upload beside them: ")

    def test_an_early_response_comes_in_spite_of_a_stalled_upload(self):
        client = self.client()
        stream = client.open(request(b"POST", b"/early"), END_HEADERS)
        client.upload(stream, self.STALLED, patience=self.PATIENCE)
        client.read_until(lambda: client.stream(stream).status, "the response")
        self.assertEqual(client.stream(stream).status, 200)
        self.assert_serves(client)

    def test_padding_is_given_back(self):
        client = self.client()
        stream = client.open(POST, END_HEADERS)
        self.assertEqual(client.upload(stream, 1000, padding=255, most=257), 1000)
        client.send(data(stream))
        self.assert_ok(client.finish(stream))
        (one,) = self.seen()
        self.assertEqual(len(one.body), 1000)

    @table([
        ("refused", request(b"POST", b"/a b"), None),
        ("untrue", request(b"POST", extra=[(b"content-length", b"5")]), None),
        ("reset by the client", HOLD, Code.CANCEL)])
    def the_window_of_the_connection_is_given_back_by_streams_that_are(self, head, code):
        client = self.client()
        for _ in range(60):
            stream = client.open(head, END_HEADERS)
            self.assertEqual(client.upload(stream, 60000), 60000, "the window is not given back")
            if code:
                client.send(reset(stream, code))
            client.round_trip()
        stream = client.open(POST, END_HEADERS)
        self.assertEqual(client.upload(stream, 200000), 200000, "the window is not given back")
        client.send(data(stream))
        self.assert_ok(client.finish(stream))

    def test_a_large_upload(self):
        client = self.client()
        stream = client.open(POST, END_HEADERS)
        self.assertEqual(client.upload(stream, 3000000), 3000000)
        client.send(data(stream))
        self.assert_ok(client.finish(stream))
        (one,) = self.seen()
        self.assertEqual(len(one.body), 3000000)


class UnreadDownloads(FramesTest):
    @table([("one stream", 1), ("20 streams", 20), ("90 streams", 90)])
    def others_go_on_beside_unread_downloads_of(self, count):
        client = self.client()
        for _ in range(count):
            client.unread.add(client.next_id)
            client.open(request(path=b"/b/10000000"))
        for stream in client.unread:
            got = client.stream(stream)
            client.read_until(lambda got=got: len(got.body) == INITIAL_WINDOW, "the window of each")
        self.assert_ok(client.get(b"/b/300000"), "a download beside them: ")
        stream = client.open(POST, END_HEADERS)
        self.assertEqual(client.upload(stream, 300000), 300000,
                         "an upload beside them stands still")
        client.send(data(stream))
        self.assert_ok(client.finish(stream), "an upload beside them: ")
        for stream in client.unread:
            self.assertEqual(len(client.stream(stream).body), INITIAL_WINDOW)

    def test_an_unread_download_goes_on_later(self):
        client = self.client()
        client.unread.add(client.next_id)
        stream = client.open(request(path=b"/b/300000"))
        client.read_until(lambda: len(client.stream(stream).body) == INITIAL_WINDOW, "the window")
        client.unread.clear()
        client.send(window_update(stream, 300000))
        self.assert_ok(client.finish(stream))
        self.assertEqual(len(client.stream(stream).body), 300000)


class Concurrency(FramesTest):
    """SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113, 5.1.2)."""

    def test_one_stream_too_many_is_refused_and_may_come_again(self):
        client = self.client()
        client.read_until(lambda: client.settings, "SETTINGS")
        limit = client.settings[Setting.MAX_CONCURRENT_STREAMS]
        streams = [client.open(WAIT) for _ in range(limit)]
        one_more = client.open()
        client.finish(one_more)
        self.assert_reset(client.stream(one_more), Code.REFUSED_STREAM, Code.PROTOCOL_ERROR)
        self.assertTrue(self.node.await_waiting(limit))
        self.node.release()
        for one in streams:
            self.assert_ok(client.finish(one))
        self.assert_serves(client)

    def test_the_header_block_of_a_refused_stream_keeps_the_table(self):
        client = self.client()
        client.read_until(lambda: client.settings, "SETTINGS")
        for _ in range(client.settings[Setting.MAX_CONCURRENT_STREAMS]):
            client.open(WAIT)
        refused = client.open(after=b"\x40\x06x-kept\x04good")
        client.finish(refused)
        self.assertTrue(self.node.await_waiting(client.settings[Setting.MAX_CONCURRENT_STREAMS]))
        self.node.release()
        for stream in list(client.streams):
            client.finish(stream)
        self.seen()
        stream = client.open(after=b"\xbe")
        self.assert_ok(client.finish(stream))
        (one,) = self.seen()
        self.assertEqual(one.values(b"x-kept"), [b"good"])
