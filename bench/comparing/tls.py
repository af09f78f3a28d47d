"""TLS with the same parameters on every proxy: what they are, the certificate, and the check."""

import os
import re
import ssl
import subprocess

from .machine import BenchError, find_program

VERSION = "TLSv1.3"
SUITE = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"


class Certificate:
    """A self-signed ECDSA certificate (P-256) for the proxies, made for one run. The key's name is
    the one under which HAProxy looks for it."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "shop.pem")
        self.key_path = self.path + ".key"
        run_openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-noenc", "-days", "30", "-subj", "/CN=shop.example",
                    "-addext", "subjectAltName=DNS:shop.example,IP:127.0.0.1",
                    "-out", self.path, "-keyout", self.key_path)

    def client_context(self):
        """Accepts this certificate alone."""
        return ssl.create_default_context(cafile=self.path)


def run_openssl(*arguments):
    result = subprocess.run([find_program("openssl"), *arguments], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BenchError(f"openssl {arguments[0]} failed:\n{result.stdout}{result.stderr}")
    return result.stdout + result.stderr


def check_negotiation(name, port, certificate):
    """A client that leaves the choice to the proxy must get what all others get."""
    said = run_openssl("s_client", "-brief", "-connect", f"127.0.0.1:{port}", "-servername",
                       "shop.example", "-CAfile", certificate.path, "-verify_return_error")
    for what, pattern in (("version", rf"Protocol version: {VERSION}$"),
                          ("cipher suite", rf"Ciphersuite: {SUITE}$"),
                          ("signature", r"Signature type: ECDSA"),
                          ("group", rf"(Temp Key|TLS1\.3 group): {GROUP}\b")):
        if not re.search(pattern, said, re.MULTILINE):
            raise BenchError(f"{name} negotiated another {what}:\n{said}")
