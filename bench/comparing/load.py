"""The load, with the users' cookies in turn and figures as JSON: wrk, or bench-handshakes, which
makes a TLS connection for each request. http2.py has the load over HTTP/2."""

import json
import os
import subprocess

from .machine import BenchError

FIELDS = {
    "Host": "shop.example",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
}

LUA = """
local heads = {{ {heads} }}
local requests, turn = {{}}, 0
init = function()
  local body = {body}
  for i, cookie in ipairs(heads) do
    local fields = {{ {fields} }}
    if cookie ~= "" then fields["Cookie"] = cookie end
    {close}
    requests[i] = wrk.format("{method}", "{path}", fields, body)
  end
end
request = function()
  turn = turn % #requests + 1
  return requests[turn]
end
{delay}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('\\nFIGURES {{"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p99": %f}}\\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def figures_as_json(output):
    """What a load says of itself in a line; None when it says nothing."""
    for line in output.splitlines():
        if line.startswith("FIGURES "):
            return json.loads(line[len("FIGURES "):])
    return None


class Load:
    """What is asked of a proxy. `pause_ms`: between an answer and the next request of its
    connection, so that all proxies get the same load. `new_connections`: one for each request."""

    def __init__(self, connections=64, path="/b/64", method="GET", body_bytes=0, pause_ms=0,
                 new_connections=False, users=16):
        self.connections = connections
        self.path = path
        self.method = method
        self.body_bytes = body_bytes
        self.pause_ms = pause_ms
        self.new_connections = new_connections
        self.users = users

    figures = staticmethod(figures_as_json)

    def script(self, cookies):
        return LUA.format(
            fields=", ".join(f'["{name}"] = "{value}"' for name, value in FIELDS.items()),
            heads=", ".join(f'"{cookie}"' for cookie in cookies or [""]),
            body=f'string.rep("x", {self.body_bytes})' if self.body_bytes else "nil",
            close='fields["Connection"] = "close"' if self.new_connections else "",
            delay=f"delay = function() return {self.pause_ms} end" if self.pause_ms else "",
            method=self.method, path=self.path)

    def command(self, bench, running, folder, seconds):
        script = os.path.join(folder, "load.lua")
        with open(script, "w") as out:
            out.write(self.script(running.cookies))
        return [bench.wrk, "-t1", f"-c{self.connections}", f"-d{seconds}", "--timeout", "20s",
                "-s", script, running.address + self.path]


class Handshakes:
    """A TLS connection for each request. `options` are those of bench-handshakes, which fails when
    a connection is resumed and should not be, or the other way round."""

    method = "GET"
    path = "/b/64"
    body_bytes = 64
    figures = staticmethod(figures_as_json)

    def __init__(self, *options, connections=64, users=16):
        self.options = options
        self.connections = connections
        self.users = users

    def command(self, bench, running, folder, seconds):
        requests = os.path.join(folder, "requests")
        with open(requests, "w", newline="") as out:
            for cookie in running.cookies:
                fields = {**FIELDS, "Cookie": cookie, "Connection": "close"}
                lines = [f"GET {self.path} HTTP/1.1", *(": ".join(f) for f in fields.items())]
                out.write("\r\n".join(lines) + "\r\n\r\n")
        return [bench.bench_handshakes, str(running.port), requests, *self.options,
                "--ca", running.certificate.path, "--body", str(self.body_bytes),
                "--connections", str(self.connections), "--seconds", str(seconds)]


def run_load(bench, load, running, folder, seconds, core):
    """Figures of one run: requests, seconds, cpu (seconds), and where the load measures them p50 and p99
    in microseconds."""
    command = load.command(bench, running, folder, seconds)
    name = os.path.basename(command[0])
    before = running.process.cpu_seconds()
    result = subprocess.run(command, capture_output=True, text=True, check=False,
                            preexec_fn=lambda: os.sched_setaffinity(0, core))
    running.process.check()
    cpu = running.process.cpu_seconds() - before
    figures = load.figures(result.stdout)
    if not figures or result.returncode != 0:
        raise BenchError(f"{name} failed against {running.name}:\n{result.stdout}{result.stderr}")
    if figures["errors"] or figures["requests"] == 0:
        raise BenchError(f"{name} reported errors from {running.name}:\n{result.stdout}")
    figures["cpu"] = cpu
    figures["resident"] = running.process.resident_bytes()
    return figures
