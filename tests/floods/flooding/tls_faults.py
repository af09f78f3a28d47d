"""The faults of TLS: certificates that are replaced, and clients that only cost handshakes."""

import asyncio
import itertools
import json
import os
import resource
import shutil
import subprocess
import time

from .certificates import Authority
from .flood import Flood
from .peers import User

LONGEST_RENEWAL = 2.0
UNFINISHED = 2000
VISITORS_PER_SECOND = 500
MOST_BYTES_EACH = 64 * 1024


class TlsUser(User):
    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.flood.port, ssl=self.flood.context,
            server_hostname=self.flood.authority.name)


class NewConnectionUser(TlsUser):
    """Connects for each click, and says which certificate it was shown."""

    pauses = (0.1, 0.3)

    async def click(self):
        began = time.monotonic()
        result = await super().click()
        shown = self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self.flood.note_certificate(began, shown)
        self.writer.close()
        return result


class TlsFlood(Flood):
    """A listener with a certificate that its users check."""

    def __init__(self, program, folder, seconds):
        super().__init__(program, folder, seconds)
        self.certificate = os.path.join(folder, "shop.pem")
        self.key = os.path.join(folder, "shop.key")
        self.authority = self.context = None

    def reason_to_skip(self):
        return None if shutil.which("openssl") else "openssl is not installed"

    async def run(self):
        self.authority = Authority(self.folder)
        self.context = self.authority.client_context()
        self.begin_with(self.authority.issue("ECDSA"))
        return await super().run()

    def begin_with(self, issued):
        shutil.copy(issued.certificate, self.certificate)
        shutil.copy(issued.key, self.key)

    def listener(self):
        return (f'[listener.tls]\ncertificates = [{{ certificate = "{self.certificate}", '
                f'key = "{self.key}" }}]\n')

    def make_user(self, number):
        return NewConnectionUser(number, self)

    def note_certificate(self, began, shown):
        """`began`: when its connection did."""


class CertificateRenewal(TlsFlood):
    """Certificate and key are replaced, each by a rename, the certificate first: at once, a moment
    later, or so late that the program has seen files that do not belong together."""

    name = "certificate renewal"
    gaps = (0, 0.3, 3)  # seconds between the two renames

    def __init__(self, program, folder, seconds):
        super().__init__(program, folder, seconds)
        self.all = []      # certificates, oldest first
        self.renewed = []  # when each of them was complete
        self.served = {}   # how long after that its first connection began, by its index
        self.late = []

    def begin_with(self, issued):
        super().begin_with(issued)
        self.all, self.renewed = [issued.der], [time.monotonic()]

    async def trouble(self):
        until = time.monotonic() + self.seconds
        kinds = itertools.cycle(("RSA", "ECDSA"))
        for gap in itertools.cycle(self.gaps):
            issued = await asyncio.to_thread(self.authority.issue, next(kinds))
            self.all.append(issued.der)
            os.rename(issued.certificate, self.certificate)
            await asyncio.sleep(gap)
            os.rename(issued.key, self.key)
            self.renewed.append(time.monotonic())
            await asyncio.sleep(LONGEST_RENEWAL + 1)  # so that each of them has to be served
            if time.monotonic() >= until:
                return

    def note_certificate(self, began, shown):
        index = self.all.index(shown)
        if index < len(self.renewed):
            self.served.setdefault(index, max(0.0, began - self.renewed[index]))
        due = sum(1 for when in self.renewed if when + LONGEST_RENEWAL <= began) - 1
        if index < due:
            self.late.append(f"certificate {index} was shown {began - self.renewed[index + 1]:.1f} s "
                             "after its successor was complete")

    def check_more(self, status):
        found = []
        if self.late:
            found.append(f"an old certificate was shown {len(self.late)} times, first: {self.late[0]}")
        missing = set(range(len(self.all))) - set(self.served)
        if missing:
            found.append(f"never shown: certificates {sorted(missing)} of {len(self.all)}")
        error = status["listeners"][0]["tls"]["error"]
        if error:
            found.append(f"new files are not in use: {error['text']}")
        return found

    def summary(self):
        slowest = max((took for index, took in self.served.items() if index > 0), default=0)
        return f"; {len(self.all) - 1} renewals, the slowest in use after {slowest:.1f} s"


class UnfinishedHandshakes(TlsFlood):
    """Clients that never finish a handshake and come again when they are disconnected, and others
    that resume, ask for renegotiation, or send garbage: see bench/peers/handshake_flood.cc."""

    name = "unfinished handshakes"

    def __init__(self, program, folder, seconds):
        super().__init__(program, folder, seconds)
        self.clients = os.path.join(os.path.dirname(program), "bench-handshake-flood")
        self.before = self.most = 0
        self.totals = None

    def reason_to_skip(self):
        if not os.access(self.clients, os.X_OK):
            return f"{self.clients} is not built"
        # As many sockets here, and twice as many there: see [limits] connections.
        if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 3 * UNFINISHED:
            return "the descriptor limit is too low (ulimit -n)"
        return super().reason_to_skip()

    def make_user(self, number):
        return NewConnectionUser(number, self) if number % 2 else TlsUser(number, self)

    async def trouble(self):
        self.before = self.resident_bytes()
        flood = await asyncio.create_subprocess_exec(
            self.clients, str(self.port), "--unfinished", str(UNFINISHED), "--ramp", "2", "--rate",
            str(VISITORS_PER_SECOND), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            await asyncio.sleep(0.2)
            self.most = max(self.most, self.resident_bytes())
        flood.stdin.close()  # which ends it
        said, _ = await flood.communicate()
        for line in said.decode().splitlines():
            if line.startswith("FIGURES "):
                self.totals = json.loads(line.removeprefix("FIGURES "))

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def check_more(self, status):
        if not self.totals:
            return ["the clients that never finish ended by themselves"]
        found = []
        if self.bytes_each() > MOST_BYTES_EACH:
            found.append(f"{self.bytes_each()} bytes for each connection")
        if self.totals["connects"] < UNFINISHED:
            found.append("not all that never finish have connected")
        for what in ("not_resumed", "renegotiations_done", "cut", "unanswered"):
            if self.totals[what]:
                found.append(f"{what.replace('_', ' ')}: {self.totals[what]}")
        shed = status["tls_handshakes"]["shed"]
        if shed:
            found.append(f"{shed} handshakes were not begun")
        return found

    def bytes_each(self):
        """Of all that were open at the same time: on a slow machine those who come at a rate pile up."""
        return (self.most - self.before) // self.totals["most_open"]

    def summary(self):
        if not self.totals:
            return ""
        return (f"; {self.totals['connects']} unfinished handshakes, {self.totals['turns']} other "
                f"visits, at most {self.totals['most_open']} at once, {self.bytes_each()} bytes each")
