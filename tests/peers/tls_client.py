"""Python's ssl module as a client, for the stories of TLS. Prints what it has seen, a line each.

    tls_client.py resume ADDRESS CA VERSION            VERSION: 1.2 or 1.3
    tls_client.py name ADDRESS CA NAME                 the names of the certificate for this SNI
    tls_client.py certificate ADDRESS CA CERTIFICATE KEY
    tls_client.py end ADDRESS CA VERSION               who says first that it ends
"""

import socket
import ssl
import sys

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context(ca, version=None):
    made = ssl.create_default_context(cafile=ca)
    made.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python does since 3.13
    if version:
        made.minimum_version = made.maximum_version = VERSIONS[version]
    return made


def connect(settings, address, name="shop.example", session=None):
    host, port = address.rsplit(":", 1)
    plain = socket.create_connection((host, int(port)), timeout=30)
    # An end without a close_notify is an error, not an end.
    return settings.wrap_socket(
        plain, server_hostname=name, session=session, suppress_ragged_eofs=False
    )


def get(connection, fields=""):
    connection.sendall(f"GET / HTTP/1.1\r\nHost: shop.example\r\n{fields}\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(connection)
    head, body = received.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    values = dict(line.lower().split(": ", 1) for line in lines[1:])
    while len(body) < int(values["content-length"]):
        body += receive(connection)
    return lines[0].split(" ")[1]


def receive(connection):
    more = connection.recv(65536)
    if not more:
        raise SystemExit("the response is incomplete")
    return more


def resume(address, ca, version):
    settings = context(ca, version)
    session = None
    for _ in range(3):
        with connect(settings, address, session=session) as connection:
            status = get(connection)
            print(connection.version(), status, "resumed" if connection.session_reused else "full")
            session = connection.session


def name(address, ca, wanted):
    with connect(context(ca), address, wanted) as connection:
        print(*(value for _, value in connection.getpeercert()["subjectAltName"]))


def certificate(address, ca, shown, key):
    settings = context(ca)
    settings.load_cert_chain(shown, key)
    with connect(settings, address) as connection:
        print(get(connection))


def end(address, ca, version):
    with connect(context(ca, version), address) as connection:
        get(connection)
        connection.unwrap()  # sends a close_notify, and raises an error unless one comes back
        print("the client")
    with connect(context(ca, version), address) as connection:
        get(connection, "Connection: close\r\n")
        if connection.recv(1) == b"":
            connection.unwrap()
            print("the server")


COMMANDS = {"resume": resume, "name": name, "certificate": certificate, "end": end}

if len(sys.argv) < 4 or sys.argv[1] not in COMMANDS:
    raise SystemExit(__doc__)
COMMANDS[sys.argv[1]](*sys.argv[2:])
