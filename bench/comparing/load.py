"""wrk as the load: one thread, the users' cookies in turn, figures as JSON."""

import json
import os
import subprocess

from .machine import BenchError

LUA = """
local heads = {{ {heads} }}
local requests, turn = {{}}, 0
init = function()
  local body = {body}
  for i, cookie in ipairs(heads) do
    local fields = {{
      ["Host"] = "shop.example",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
      ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      ["Accept-Encoding"] = "gzip, deflate, br",
    }}
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

    def script(self, cookies):
        return LUA.format(
            heads=", ".join(f'"{cookie}"' for cookie in cookies or [""]),
            body=f'string.rep("x", {self.body_bytes})' if self.body_bytes else "nil",
            close='fields["Connection"] = "close"' if self.new_connections else "",
            delay=f"delay = function() return {self.pause_ms} end" if self.pause_ms else "",
            method=self.method, path=self.path)


def run_wrk(wrk, load, running, folder, seconds, core):
    """Figures of one run: requests, seconds, p50 and p99 in microseconds, cpu (seconds)."""
    script = os.path.join(folder, "load.lua")
    with open(script, "w") as out:
        out.write(load.script(running.cookies))
    before = running.process.cpu_seconds()
    result = subprocess.run(
        [wrk, "-t1", f"-c{load.connections}", f"-d{seconds}", "--timeout", "20s", "-s", script,
         f"http://127.0.0.1:{running.port}{load.path}"],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, core))
    running.process.check()
    cpu = running.process.cpu_seconds() - before
    lines = [line for line in result.stdout.splitlines() if line.startswith("FIGURES ")]
    if not lines:
        raise BenchError(f"wrk failed against {running.name}:\n{result.stdout}{result.stderr}")
    figures = json.loads(lines[0][len("FIGURES "):])
    if figures["errors"] or figures["requests"] == 0:
        raise BenchError(f"wrk reported errors from {running.name}:\n{result.stdout}")
    figures["cpu"] = cpu
    figures["resident"] = running.process.resident_bytes()
    return figures
