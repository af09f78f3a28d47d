// A gRPC client. Arguments: the address, the number of unary calls, how many at a time. Prints what
// it has got as one JSON object.
"use strict";

const grpc = require("@grpc/grpc-js");
const {cart} = require("./service.js");

const [address, count, atATime] = process.argv.slice(2);
const Client = grpc.makeGenericClientConstructor(cart, "Cart");
const client = new Client(address, grpc.credentials.createInsecure(), {
  "grpc.max_receive_message_length": -1,
  "grpc.enable_retries": 0, // so that the proxy's are seen
});

function unary(method, bytes, options = {}) {
  return new Promise((resolve) => {
    const answer = {};
    const metadata = new grpc.Metadata();
    metadata.add("x-meta", "a");
    metadata.add("x-meta", "b");
    const call = client[method](Buffer.from(bytes), metadata, options, (error, value) => {
      answer.code = error ? error.code : 0;
      answer.details = error ? error.details : "";
      answer.value = value;
    });
    call.on("metadata", (initial) => (answer.initial = initial.get("x-initial")[0]));
    call.on("status", (status) => {
      const trailing = status.metadata.get("x-trailing-bin")[0];
      answer.trailing = trailing ? trailing.toString("hex") : "";
      setImmediate(() => resolve(answer)); // the callback has been called by then
    });
    if (options.cancelAfter) setTimeout(() => call.cancel(), options.cancelAfter);
  });
}

async function manyUnaryCalls() {
  const failures = [];
  let next = 0;
  let served = 0;
  async function worker() {
    while (next < Number(count)) {
      const text = `call ${next++}`;
      const answer = await unary("echo", text);
      if (answer.code === 0 && answer.value.toString() === text) {
        ++served;
      } else if (failures.length < 10) {
        failures.push(`${text}: ${answer.code} ${answer.details}`);
      }
    }
  }
  await Promise.all(Array.from({length: Number(atATime)}, worker));
  return {served, failures};
}

function clientStream() {
  return new Promise((resolve) => {
    const call = client.total((error, value) => resolve(error ? error.message : value.toString()));
    for (let i = 0; i < 100; ++i) call.write(Buffer.alloc(1000));
    call.end();
  });
}

function serverStream() {
  return new Promise((resolve) => {
    const got = [];
    const call = client.countTo(Buffer.from("300"));
    call.on("data", (message) => got.push(Number(message.toString())));
    call.on("error", (error) => resolve({error: error.message}));
    call.on("end", () => resolve({
      count: got.length,
      inOrder: got.every((value, index) => value === index + 1),
    }));
  });
}

function bidirectional() {
  return new Promise((resolve) => {
    const got = [];
    const call = client.chat();
    call.on("data", (message) => {
      got.push(message.toString());
      if (got.length < 20) {
        call.write(Buffer.from(String(got.length)));
      } else {
        call.end();
      }
    });
    call.on("error", (error) => resolve([error.message]));
    call.on("end", () => resolve(got));
    call.write(Buffer.from("0"));
  });
}

async function cancelledCalls(wanted) {
  for (let i = 0; i < 100; ++i) {
    const answer = await unary("cancelled", "");
    if (Number(answer.value) >= wanted) return Number(answer.value);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return -1;
}

async function main() {
  const first = await unary("echo", "hello");
  const large = await unary("echo", Buffer.alloc(3 << 20, "x"));
  const result = {
    echo: {...first, value: first.value && first.value.toString()},
    large: large.value ? large.value.length : large.details,
    clientStream: await clientStream(),
    serverStream: await serverStream(),
    chat: await bidirectional(),
    fail: await unary("fail", "cart 7"),
    deadline: await unary("never", "", {deadline: Date.now() + 300}),
    cancel: await unary("never", "", {cancelAfter: 200}),
    cancelled: await cancelledCalls(2),
    many: await manyUnaryCalls(),
  };
  console.log(JSON.stringify(result));
  client.close();
}

main();
