"""An authority that issues certificates for the listener, with the openssl program."""

import os
import ssl
import subprocess

KEYS = {"ECDSA": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "RSA": ("rsa:2048",)}


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")


class Issued:
    """Files of a certificate and its key; `der` is what clients see of it."""

    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key
        with open(certificate, encoding="ascii") as file:
            self.der = ssl.PEM_cert_to_DER_cert(file.read())


class Authority:
    name = "shop.test"

    def __init__(self, folder):
        self.folder, self.issued = folder, 0
        self.path = os.path.join(folder, "ca.pem")
        openssl("req", "-x509", "-newkey", *KEYS["ECDSA"], "-noenc", "-days", "30", "-subj",
                "/CN=flood CA", "-out", self.path, "-keyout", self.path + ".key")
        self.extensions = os.path.join(folder, "extensions")
        with open(self.extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{self.name}\n")

    def issue(self, key_type):
        self.issued += 1
        base = os.path.join(self.folder, f"issued-{self.issued}")
        openssl("req", "-newkey", *KEYS[key_type], "-noenc", "-subj", f"/CN={self.name}",
                "-out", base + ".csr", "-keyout", base + ".key")
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.path, "-CAkey", self.path + ".key",
                "-CAcreateserial", "-days", "20", "-extfile", self.extensions, "-out", base + ".pem")
        return Issued(base + ".pem", base + ".key")

    def client_context(self):
        """Accepts what this authority has issued, and nothing else."""
        return ssl.create_default_context(cafile=self.path)
