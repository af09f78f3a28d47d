// A gRPC server. Arguments: options of grpc-js as JSON. Prints "listening on PORT".
"use strict";

const grpc = require("@grpc/grpc-js");
const {cart, health} = require("./service.js");

let cancelled = 0;

const handlers = {
  echo(call, reply) {
    const metadata = new grpc.Metadata();
    metadata.set("x-initial", call.metadata.get("x-meta").join("+"));
    call.sendMetadata(metadata);
    const trailer = new grpc.Metadata();
    trailer.set("x-trailing-bin", Buffer.from([0, 1, 255]));
    reply(null, call.request, trailer);
  },
  total(call, reply) {
    let messages = 0;
    let bytes = 0;
    call.on("data", (message) => {
      ++messages;
      bytes += message.length;
    });
    call.on("end", () => reply(null, Buffer.from(`${messages} ${bytes}`)));
  },
  countTo(call) {
    const last = Number(call.request.toString());
    for (let i = 1; i <= last; ++i) call.write(Buffer.from(String(i)));
    call.end();
  },
  chat(call) {
    call.on("data", (message) => call.write(Buffer.from(`re: ${message}`)));
    call.on("end", () => call.end());
  },
  fail(call, reply) {
    reply({code: grpc.status.NOT_FOUND, details: "no such cart"});
  },
  never(call) {
    call.on("cancelled", () => ++cancelled);
  },
  cancelled(call, reply) {
    reply(null, Buffer.from(String(cancelled)));
  },
};

const server = new grpc.Server(JSON.parse(process.argv[2] || "{}"));
server.addService(cart, handlers);
server.addService(health, {
  check(call, reply) {
    reply(null, Buffer.from([0x08, 0x01])); // SERVING
  },
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on ${port}`);
});
