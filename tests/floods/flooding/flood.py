"""What all faults have in common: the program between users, nodes and an operator, and the checks."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time

from .peers import Node, User, free_port

USERS = 40
LONGEST_ADMIN_ANSWER = 1.0
IDLE_TIMEOUT = 3600


class Flood:
    """One trouble: what it needs of the config and the process, and what it does meanwhile."""

    name = ""
    tolerates_failures_on = ()

    def __init__(self, program, folder, seconds):
        self.program, self.folder, self.seconds = program, folder, seconds
        self.over = False
        self.failures, self.moves, self.slow, self.refused = [], [], [], []
        self.answers, self.slowest = 0, 0.0
        self.alice, self.bob = Node("alice"), Node("bob")
        self.port, self.process = free_port(), None
        self.held = []
        self.state = os.path.join(folder, "state")
        os.mkdir(self.state, 0o700)

    # What subclasses change.
    def reason_to_skip(self):
        return None

    def log(self):
        return 'access = "off"'

    def process_options(self):
        return {"stdout": subprocess.DEVNULL, "stderr": open(os.path.join(self.folder, "err"), "wb")}

    def listener(self):
        """More of the listener's config."""
        return ""

    def make_user(self, number):
        return User(number, self)

    async def trouble(self):
        await asyncio.sleep(self.seconds)

    def check_more(self, status):
        """What else went wrong."""
        return []

    def summary(self):
        """What else there is to say, when all has been checked."""
        return ""

    def clean_up(self):
        for one in self.held:
            with contextlib.suppress(OSError):
                one.close() if hasattr(one, "close") else os.close(one)

    # What all have.
    def note_failure(self, user, why):
        if user.node not in self.tolerates_failures_on:
            self.failures.append(f"{user.path} on {user.node}: {why}")

    def note_move(self, user, was, now):
        if was not in self.tolerates_failures_on:
            self.moves.append(f"{user.path} from {was} to {now}")

    def config(self):
        path = os.path.join(self.folder, "bonedry.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
[server]
workers = 2
state_dir = "{self.state}"
[admin]
socket = "{self.folder}/admin.sock"
[log]
{self.log()}
[timeouts]
response = "2s"
[[listener]]
address = "127.0.0.1:{self.port}"
pool = "shop"
{self.listener()}
[[pool]]
name = "shop"
[pool.session]
idle_timeout = "{IDLE_TIMEOUT}s"
[[pool.node]]
name = "alice"
address = "127.0.0.1:{self.alice.port}"
[[pool.node]]
name = "bob"
address = "127.0.0.1:{self.bob.port}"
""")
        return path

    async def order(self, line):
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_unix_connection(f"{self.folder}/admin.sock")
            writer.write(line.encode() + b"\n")
            answer = (await asyncio.wait_for(reader.read(-1), 30)).decode()
            writer.close()
        except (OSError, asyncio.TimeoutError) as error:
            self.refused.append(f"{line}: {type(error).__name__} {error}")
            return ""
        took = time.monotonic() - began
        self.answers += 1
        self.slowest = max(self.slowest, took)
        if took > LONGEST_ADMIN_ANSWER:
            self.slow.append(f"{line}: {took:.1f} s")
        return answer

    async def operate(self):
        """Looks all the time, and takes one node and then the other out of rotation and back."""
        turn = 0
        while not self.over:
            await self.order("status json")
            turn += 1
            if turn % 10 == 0:
                node = "alice" if turn % 20 == 0 else "bob"
                await self.order(f"bleed {node} --force --reason flood")
                await self.order("sessions shop/" + node)
                answer = await self.order("activate " + node)
                self.expect_done(answer)
            await asyncio.sleep(0.2)

    def expect_done(self, answer):
        if answer.startswith("error"):
            self.refused.append(answer.strip())

    async def run(self):
        await self.alice.start()
        await self.bob.start()
        self.process = subprocess.Popen([self.program, "--config", self.config()],
                                        **self.process_options())
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        users = [self.make_user(number) for number in range(USERS)]
        tasks = [asyncio.create_task(user.live()) for user in users]
        await asyncio.sleep(1)
        operator = asyncio.create_task(self.operate())
        await self.trouble()
        self.over = True
        await asyncio.gather(operator, *tasks)
        found = self.check(users, json.loads(await self.order("status json")))
        self.process.send_signal(signal.SIGTERM)
        try:
            if await asyncio.to_thread(self.process.wait, 40) != 0:
                found.append("bonedry did not exit with 0")
        except subprocess.TimeoutExpired:
            found.append("bonedry did not exit after SIGTERM")
            self.process.kill()
        self.clean_up()
        clicks = sum(user.clicks for user in users)
        print(f"{self.name}: {clicks} clicks, {len(self.failures)} failed, {len(self.moves)} moved; "
              f"{self.answers} admin answers, the slowest took {self.slowest * 1000:.0f} ms{self.summary()}")
        for what in found:
            print("  " + what)
        return not found

    def check(self, users, status):
        found = []
        for what, all_of_it in (("failed", self.failures), ("moved", self.moves),
                                ("slow admin answer", self.slow), ("refused by admin", self.refused)):
            if all_of_it:
                found.append(f"{what} {len(all_of_it)} times, first: {all_of_it[0]}")
        for node in status["pools"][0]["nodes"]:
            here = sum(1 for user in users if user.node == node["name"])
            counted = node["sessions"]["live"] + node["sessions"]["pending"]
            if node["name"] not in self.tolerates_failures_on and counted != here:
                found.append(f"{node['name']} has {here} users, but reports {counted} sessions")
        return found + self.check_more(status)
