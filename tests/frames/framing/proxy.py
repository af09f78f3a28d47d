"""bonedry, with listeners that speak HTTP/2, in front of a Node."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from .client import DEADLINE

CONFIG = """
[server]
workers = 1
state_dir = "{folder}/state"
underscore_names = "{underscore_names}"
[admin]
socket = "{folder}/admin.sock"
[log]
access = "off"
[timeouts]
{timeouts}
[[listener]]
address = "127.0.0.1:0"
pool = "shop"
alpn = ["h2c", "http/1.1"]
{tls}
[[pool]]
name = "shop"
{pool}
{nodes}
"""
NODE = """
[[pool.node]]
name = "node{number}"
address = "127.0.0.1:{port}"
"""
TLS_LISTENER = """
[[listener]]
address = "127.0.0.1:0"
pool = "shop"
[listener.tls]
{keys}
alpn = ["h2", "http/1.1"]
certificates = [{{ certificate = "{certificate}", key = "{key}" }}]
"""


class Bonedry:
    """A process of bonedry: `address` is its listener without TLS, `tls_address` the one with it,
    which there is when `tls`, more keys of it, is not None."""

    def __init__(self, program, node, underscore_names="drop", tls=None, timeouts="", pool=""):
        self.folder = tempfile.mkdtemp(prefix="bonedry-frames-")
        self.log = os.path.join(self.folder, "log")
        config = os.path.join(self.folder, "bonedry.toml")
        with open(config, "w", encoding="ascii") as out:
            out.write(CONFIG.format(
                folder=self.folder, underscore_names=underscore_names, timeouts=timeouts,
                pool=pool,
                tls="" if tls is None else self._tls_listener(tls),
                nodes="".join(NODE.format(number=number, port=port)
                              for number, port in enumerate(node.ports))))
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen([program, "--config", config], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=subprocess.STDOUT)
        self._wait_until_started()
        addresses = re.findall(r"listening on (\S+):(\d+) ", self.output())
        self.address, *others = [(host, int(port)) for host, port in addresses]
        self.tls_address = others[0] if others else None

    def _tls_listener(self, keys):
        self.certificate = os.path.join(self.folder, "certificate.pem")
        key = os.path.join(self.folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2", "-subj",
                        "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example",
                        "-out", self.certificate, "-keyout", key], check=True, capture_output=True)
        return TLS_LISTENER.format(certificate=self.certificate, key=key, keys=keys)

    def client_context(self, protocols=("h2",)):
        context = ssl.create_default_context(cafile=self.certificate)
        context.set_alpn_protocols(list(protocols))
        return context

    def _wait_until_started(self):
        deadline = time.monotonic() + DEADLINE
        while "started" not in self.output():
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"bonedry did not start:\n{self.output()}")
            time.sleep(0.01)

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    @property
    def alive(self):
        return self.child.poll() is None

    def status(self):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(DEADLINE)
            admin.connect(os.path.join(self.folder, "admin.sock"))
            admin.sendall(b"status json\n")
            with admin.makefile("r", encoding="utf-8") as answer:
                return json.load(answer)

    def client_connections(self):
        """The admin socket's are none of them."""
        return self.status()["process"]["client_connections"]

    def open_exchanges(self):
        """What `status` shows of all nodes."""
        return sum(node["exchanges_open"] for pool in self.status()["pools"] for node in pool["nodes"])

    def resident_bytes(self):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError(f"bonedry has exited:\n{self.output()}")

    def stop(self):
        """Its exit code."""
        if self.alive:
            self.child.terminate()
            try:
                self.child.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.child.returncode
