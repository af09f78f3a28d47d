"""A real WebSocket server and client (Debian's python3-websockets) for the tunnel stories.

    websocket.py serve [CERTIFICATE KEY]   prints its port, and echoes until it is killed
    websocket.py talk ADDRESS [CA]         talks to the server behind ADDRESS, and exits with 0 if all
                                           came back

With the files in brackets they speak TLS; the server's certificate is for shop.example.
"""

import asyncio
import hashlib
import ssl
import sys

import websockets

MESSAGES = ["hello", "", "é" * 1000, b"\x00\xff" * 40000, "x" * 300000]


async def serve(certificate=None, key=None):
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)

    async def echo(socket, *_):  # older versions pass the path as well
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None, ssl=tls) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


async def talk(address, ca=None):
    url, options = f"ws://{address}/ws", {}
    if ca:
        url = f"wss://{address}/ws"
        options = {"ssl": ssl.create_default_context(cafile=ca), "server_hostname": "shop.example"}
    async with websockets.connect(url, max_size=None, **options) as socket:
        for message in MESSAGES:
            await socket.send(message)
            answer = await socket.recv()
            if answer != message:
                raise SystemExit(f"sent {len(message)}, got {len(answer)}")
        # Many at once, so that both sides write while both have something to read.
        pieces = [hashlib.sha256(bytes([i % 256])).digest() * (i % 700) for i in range(2000)]

        async def send_all():
            for piece in pieces:
                await socket.send(piece)

        sending = asyncio.create_task(send_all())
        for piece in pieces:
            if await socket.recv() != piece:
                raise SystemExit("the order is lost")
        await sending
        pong = await socket.ping()
        await asyncio.wait_for(pong, 10)
    if socket.close_code != 1000:
        raise SystemExit(f"closed with {socket.close_code}")
    print("all came back")


if len(sys.argv) in (2, 4) and sys.argv[1] == "serve":
    asyncio.run(serve(*sys.argv[2:]))
elif len(sys.argv) in (3, 4) and sys.argv[1] == "talk":
    asyncio.run(talk(*sys.argv[2:]))
else:
    raise SystemExit(__doc__)
