#pragma once

#include "proxy/http/head.h"

#include <optional>
#include <string>
#include <string_view>

/// gRPC's own health checks: grpc.health.v1, a call of Health/Check over HTTP/2.
namespace bonedry::proxy {

inline constexpr std::string_view kGrpcHealthPath = "/grpc.health.v1.Health/Check";

/// The body of a request that asks for a service; empty: the whole server.
[[nodiscard]] std::string grpc_health_request(std::string_view service);

/// What a response says; nothing: "SERVING". Otherwise why not, for the operator.
/// `trailers`: "Name: value\r\n" lines; a response without a body has their fields in its head.
[[nodiscard]] std::optional<std::string> grpc_health_problem(const http::Head& head,
                                                             std::string_view body,
                                                             std::string_view trailers);

}  // namespace bonedry::proxy
