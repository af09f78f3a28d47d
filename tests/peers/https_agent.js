// The https module of Node.js with an agent that keeps connections, for the stories of TLS. Prints for each
// request: the TLS version, the status, on which connection, and how that one's handshake was.
//
//   https_agent.js ADDRESS CA VERSION      VERSION: TLSv1.2 or TLSv1.3
"use strict";

const fs = require("fs");
const https = require("https");

const [address, ca, version] = process.argv.slice(2);
const [host, port] = address.split(":");
const agent = new https.Agent({keepAlive: true, maxSockets: 1});
const upload = "x".repeat(300000);

function send(method) {
  return new Promise((resolve, reject) => {
    const options = {
      agent, host, port, method, path: "/", servername: "shop.example", ca: fs.readFileSync(ca),
      minVersion: version, maxVersion: version, headers: {Host: "shop.example"},
    };
    const request = https.request(options, (response) => {
      const connection = request.reusedSocket ? "kept" : "new";
      const socket = response.socket;  // the response forgets it at its end
      const handshake = socket.isSessionReused() ? "resumed" : "full";
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        const answer = JSON.parse(Buffer.concat(pieces));
        console.log(socket.getProtocol(), response.statusCode, answer.size, connection, handshake);
        resolve(socket);
      });
    });
    request.on("error", reject);
    request.end(method === "POST" ? upload : undefined);
  });
}

async function main() {
  await send("GET");
  const first = await send("POST");
  first.ref();  // the agent does not wait for the connections that it keeps
  await new Promise((resolve) => first.once("close", resolve).end());
  const second = await send("GET");
  second.end();
  agent.destroy();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
