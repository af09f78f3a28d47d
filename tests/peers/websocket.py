"""A real WebSocket server and client (Debian's python3-websockets) for the tunnel stories.

    websocket.py serve             prints its port, and echoes until it is killed
    websocket.py talk ADDRESS      talks to the server behind ADDRESS, and exits with 0 if all came back
"""

import asyncio
import hashlib
import sys

import websockets

MESSAGES = ["hello", "", "é" * 1000, b"\x00\xff" * 40000, "x" * 300000]


async def serve():
    async def echo(socket, *_):  # older versions pass the path as well
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


async def talk(address):
    async with websockets.connect(f"ws://{address}/ws", max_size=None) as socket:
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


if sys.argv[1:] == ["serve"]:
    asyncio.run(serve())
elif len(sys.argv) == 3 and sys.argv[1] == "talk":
    asyncio.run(talk(sys.argv[2]))
else:
    raise SystemExit(__doc__)
