"""Processes, cores, ports: what the measurements need of the machine."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time


class BenchError(Exception):
    """Something that makes a figure impossible or worthless; the text is for the user."""


def find_program(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise BenchError(f"{name} is not installed; ./dev bench installs it")
    return path


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def clients_that_fit(wanted):
    """So many, or as many as bonedry surely takes with the descriptors of this machine."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1] * 3 // 8)


def cores():
    """(core of the proxy, core of load and origin)"""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < 2:
        raise BenchError("two cores are needed: one for the proxy, one for load and origin")
    return available[0], available[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program that runs until `stop`, pinned to a set of cores."""

    def __init__(self, name, command, pinned_to, log):
        self.name = name
        self.log = log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                preexec_fn=lambda: self._in_child(pinned_to))

    @staticmethod
    def _in_child(pinned_to):
        # Its own group, so that Ctrl-C reaches the script alone, which then stops everything.
        os.setpgid(0, 0)
        os.sched_setaffinity(0, pinned_to)

    def wait_for_port(self, port, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise BenchError(f"{self.name} does not listen on port {port}:\n{self.output()}")

    def check(self):
        if self.child.poll() is not None:
            raise BenchError(f"{self.name} exited with {self.child.returncode}:\n{self.output()}")

    def output(self):
        with open(self.log, "r", errors="replace") as text:
            return "".join(text.readlines()[-15:])

    def cpu_seconds(self):
        """User and system time of all threads and worker processes, to the nanosecond."""
        total = 0
        for pid in [self.child.pid, *self.workers()]:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                    total += int(stat.read().split()[0])
        return total / 1e9

    def workers(self):
        """The processes that this one has started."""
        with open(f"/proc/{self.child.pid}/task/{self.child.pid}/children") as children:
            return [int(pid) for pid in children.read().split()]

    def resident_bytes(self):
        with open(f"/proc/{self.child.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise BenchError(f"{self.name} has exited")

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(3)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()


class Background:
    """Something that goes on in a thread of its own inside a `with`, until `leaving` is set."""

    def __init__(self, what):
        self.what = what
        self.leaving = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.leaving.set()
        self.thread.join()
        self.end()
        if self.error:
            raise BenchError(f"{self.what}: {self.error}")

    def _run(self):
        try:
            self.go_on()
        except (OSError, ValueError, KeyError) as error:
            self.error = error

    def go_on(self):
        raise NotImplementedError

    def end(self):
        """What is to be given back."""
