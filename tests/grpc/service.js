// The service that client and server share. Its messages are bytes: no .proto file is needed.
"use strict";

const same = (bytes) => bytes;

function method(path, requestStream, responseStream) {
  return {
    path,
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

exports.cart = {
  echo: method("/shop.Cart/Echo", false, false),
  total: method("/shop.Cart/Total", true, false),
  countTo: method("/shop.Cart/CountTo", false, true),
  chat: method("/shop.Cart/Chat", true, true),
  fail: method("/shop.Cart/Fail", false, false),
  never: method("/shop.Cart/Never", false, false),
  // How many calls of `never` were cancelled.
  cancelled: method("/shop.Cart/Cancelled", false, false),
};

exports.health = {
  check: method("/grpc.health.v1.Health/Check", false, false),
};
