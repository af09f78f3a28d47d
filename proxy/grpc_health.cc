#include "proxy/grpc_health.h"

#include "proxy/http/request_fields.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace bonedry::proxy {
namespace {

// Whether a message is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
constexpr std::size_t kPrefix = 5;
// A message of Protocol Buffers: field 1 as text, and as a number.
constexpr char kTextField = 0x0a;
constexpr char kNumberField = 0x08;
// HealthCheckResponse.ServingStatus.
constexpr char kServing = 1;
constexpr char kServiceUnknown = 3;

std::string length_of(std::size_t size) {
  std::string bytes;
  for (; size >= 0x80; size >>= 7U) bytes += static_cast<char>((size & 0x7fU) | 0x80U);
  return bytes += static_cast<char>(size);
}

std::string_view status_field(const http::Head& head, std::string_view trailers) {
  std::string_view found;
  http::each_line(trailers, [&found](std::string_view name, std::string_view value) {
    if (http::equal_ignoring_case(name, "grpc-status")) found = value;
  });
  for (const http::Field& field : head.fields) {
    const bool is = http::equal_ignoring_case(head.name(field), "grpc-status");
    if (is && found.empty()) found = head.value(field);
  }
  return found;
}

}  // namespace

std::string grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) message = kTextField + length_of(service.size()) + std::string(service);
  std::string body(kPrefix, '\0');
  for (std::size_t i = 0; i < 4; ++i) {
    body[1 + i] = static_cast<char>(message.size() >> (8 * (3 - i)) & 0xffU);
  }
  return body + message;
}

std::optional<std::string> grpc_health_problem(const http::Head& head, std::string_view body,
                                               std::string_view trailers) {
  if (head.status != 200) return "status " + std::to_string(head.status);
  const std::string_view status = status_field(head, trailers);
  if (status.empty()) return "no grpc-status";
  if (status != "0") return "grpc-status " + std::string(status.substr(0, 16));
  // Without its only field a message says UNKNOWN, which is 0.
  const std::string_view message = body.substr(std::min(body.size(), kPrefix));
  const char said = message.size() == 2 && message[0] == kNumberField ? message[1] : '\0';
  if (said == kServing) return std::nullopt;
  if (said == kServiceUnknown) return "SERVICE_UNKNOWN";
  return said == 0 ? "UNKNOWN" : "NOT_SERVING";
}

}  // namespace bonedry::proxy
