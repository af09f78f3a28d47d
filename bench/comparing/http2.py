"""The load over HTTP/2: h2load, and curl for single requests."""

import re
import subprocess

from .load import FIELDS
from .machine import BenchError, find_program

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Http2Load:
    """`streams` requests at a time on each of `connections`, all of one user: h2load sends the same
    fields with every request. A run is `per_second` requests for each of its seconds, however long
    they take, so that none is cut off at its end, which would cost CPU and not be counted."""

    method = "GET"
    body_bytes = 0
    users = 1

    def __init__(self, connections, streams, path, per_second):
        self.connections = connections
        self.streams = streams
        self.path = path
        self.per_second = per_second

    def command(self, _bench, running, _folder, seconds):
        scheme = "https" if running.certificate else "http"
        # A field that h2load does not know must not be in upper case.
        fields = {name.lower(): value for name, value in FIELDS.items() if name != "Host"}
        fields["cookie"] = running.cookies[0]
        return [find_program("h2load"), "-t1", f"-c{self.connections}", f"-m{self.streams}",
                f"-n{max(self.connections * self.streams, self.per_second * seconds)}",
                f"--connect-to=127.0.0.1:{running.port}",
                *(f"--header={name}: {value}" for name, value in fields.items()),
                f"{scheme}://shop.example{self.path}"]

    def figures(self, output):
        protocol = re.search(r"^Application protocol: (\S+)$", output, re.MULTILINE)
        duration = re.search(r"^finished in ([\d.]+)(us|ms|s),", output, re.MULTILINE)
        counts = re.search(r"^requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded", output,
                           re.MULTILINE)
        if not protocol or protocol.group(1) not in ("h2", "h2c") or not duration or not counts:
            return None
        total, succeeded = map(int, counts.groups())
        return {"requests": succeeded, "errors": total - succeeded,
                "seconds": float(duration.group(1)) * UNITS[duration.group(2)]}


def ask_http2(running, method, path, cookie, body):
    """(status, fields by their names in lower case, bytes of the body) of one request, by curl."""
    scheme = "https" if running.certificate else "http"
    command = [find_program("curl"), "-sS", "--noproxy", "*", "-D", "-", "-o", "/dev/null",
               "-w", "%{http_version} %{http_code} %{size_download}", "-X", method,
               "--http2-prior-knowledge", "--connect-to", f"::127.0.0.1:{running.port}"]
    if running.certificate:
        command += ["--cacert", running.certificate.path]
    if cookie:
        command += ["-b", cookie]
    if body:
        command += ["--data-binary", body]
    result = subprocess.run([*command, f"{scheme}://shop.example{path}"], capture_output=True,
                            text=True, check=False)
    *lines, last = result.stdout.splitlines() or [""]
    if result.returncode != 0 or not last.startswith("2 "):
        raise BenchError(f"{running.name} does not speak HTTP/2 with curl:\n{result.stdout}"
                         f"{result.stderr}")
    fields = {name.lower(): value for name, value in
              (line.split(": ", 1) for line in lines if ": " in line)}
    _, status, size = last.split()
    return int(status), fields, int(size)
