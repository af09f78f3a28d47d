"""What the tests have in common: one bonedry for all cases of a class, and what a client may
get."""

import os
import time
import unittest

from .client import DEADLINE, Client, name_of
from .node import Node
from .proxy import Bonedry


def table(rows):
    """Makes one test of each row: its first value is the name, the others are the arguments."""
    def mark(check):
        check.rows = rows
        return check
    return mark


class FramesTest(unittest.TestCase):
    """A class has a bonedry and its nodes, which all of its cases share."""

    start_proxy = Bonedry
    options = {}
    node_options = {}

    def __init_subclass__(cls):
        for name, check in list(vars(cls).items()):
            for title, *values in getattr(check, "rows", ()):
                test = f"test_{name}: {title}"
                if hasattr(cls, test):
                    raise ValueError(f"two cases of the name {test!r}")
                setattr(cls, test, lambda self, check=check, values=values: check(self, *values))

    @classmethod
    def setUpClass(cls):
        cls.node = Node(**cls.node_options)
        cls.addClassCleanup(cls.node.stop)
        cls.start()

    @classmethod
    def start(cls):
        cls.proxy = cls.start_proxy(os.environ["BONEDRY_PROGRAM"], cls.node, **cls.options)

    @classmethod
    def tearDownClass(cls):
        left = cls.exchanges_left()
        output, code = cls.proxy.output(), cls.proxy.stop()
        if code != 0:
            raise AssertionError(f"bonedry exited with {code}:\n{output[-4000:]}")
        if left:
            raise AssertionError(f"{left} exchanges are open although all clients are gone")

    @classmethod
    def exchanges_left(cls):
        """How many are open behind the last case, if any still are when nodes have answered."""
        deadline = time.monotonic() + DEADLINE
        while (left := cls.proxy.open_exchanges()) and time.monotonic() < deadline:
            cls.node.release()
            time.sleep(0.02)
        return left

    def setUp(self):
        self.node.take()

    def tearDown(self):
        self.node.release()
        if not self.proxy.alive:
            output = self.proxy.output()
            self.proxy.stop()
            self.start()
            self.fail(f"bonedry is gone:\n{output[-4000:]}")

    def client(self, **options):
        client = Client(self.proxy.address, **options)
        self.addCleanup(client.socket.close)
        return client

    def seen(self):
        """What the nodes have got in this case. A client that comes then must be served."""
        with Client(self.proxy.address) as client:
            self.assert_ok(client.get(b"/marker"), "the next client: ")
        requests = [one for one in self.node.take() if one.target != b"/marker"]
        for one in requests:
            self.assertIsNone(one.problem, f"the node got {one}")
        return requests

    def assert_serves(self, client):
        """The connection goes on after the error of a stream."""
        self.assert_ok(client.get(b"/good"), "a good request behind it: ")

    def assert_connection_error(self, client, *codes):
        """bonedry says one of `codes` and ends the connection."""
        client.read_to_the_end()
        self.assertIn(
    client.error,
    codes,
     f"expected GOAWAY {names_of(codes)}; there was: {client}")

    def assert_reset(self, stream, *codes):
        self.assertIn(stream.reset, codes,
                      f"expected RST_STREAM {names_of(codes)}; there was: {stream}")

    def assert_ok(self, stream, what=""):
        self.assertTrue(stream.status == 200 and stream.ended,
                        f"{what}expected 200; there was: {stream}")


def names_of(codes):
    return " or ".join(map(name_of, codes))
