#include "proxy/grpc_health.h"

#include "tests/unit/http/message.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace bonedry::proxy {
namespace {

using http::test::ParsedResponse;

std::string grpc_message(std::string_view bytes) {
  std::string body(4, '\0');
  body += static_cast<char>(bytes.size());
  return body + std::string(bytes);
}

/// HealthCheckResponse with this status.
std::string serving_status(char status) {
  return grpc_message(std::string{'\x08', status});
}

constexpr std::string_view kOkTrailers = "grpc-status: 0\r\n";
const std::string kOkHead = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n";

/// "" if all is well.
std::string problem(const std::string& head, std::string_view body, std::string_view trailers) {
  const ParsedResponse response(head + "\r\n");
  EXPECT_EQ(response.refusal(), "");
  return grpc_health_problem(response.head, body, trailers).value_or("");
}

TEST(GrpcHealthTest, ARequestForTheWholeServerIsAnEmptyMessage) {
  EXPECT_EQ(grpc_health_request(""), std::string(5, '\0'));
}

TEST(GrpcHealthTest, ARequestNamesItsService) {
  EXPECT_EQ(grpc_health_request("shop.Orders"), grpc_message("\x0a\x0bshop.Orders"));
}

TEST(GrpcHealthTest, LongNamesHaveALengthOfSeveralBytes) {
  const std::string name(200, 's');
  std::string wanted("\0\0\0\0\xcb\x0a\xc8\x01", 8);
  EXPECT_EQ(grpc_health_request(name), wanted + name);
  const std::string at_limit(127, 's');
  wanted = std::string("\0\0\0\0\x81\x0a\x7f", 7);
  EXPECT_EQ(grpc_health_request(at_limit), wanted + at_limit);
}

TEST(GrpcHealthTest, OnlyServingIsWell) {
  EXPECT_EQ(problem(kOkHead, serving_status(1), kOkTrailers), "");
  EXPECT_EQ(problem(kOkHead, serving_status(0), kOkTrailers), "UNKNOWN");
  EXPECT_EQ(problem(kOkHead, serving_status(2), kOkTrailers), "NOT_SERVING");
  EXPECT_EQ(problem(kOkHead, serving_status(3), kOkTrailers), "SERVICE_UNKNOWN");
  EXPECT_EQ(problem(kOkHead, serving_status(9), kOkTrailers), "NOT_SERVING");
}

TEST(GrpcHealthTest, ABodyThatSaysNothingIsUnknown) {
  for (const std::string& body :
       {std::string(), std::string(3, '\0'), grpc_message(""), grpc_message("\x08"),
        grpc_message("\x10\x01"), grpc_message("\x0a\x01")}) {
    EXPECT_EQ(problem(kOkHead, body, kOkTrailers), "UNKNOWN");
  }
}

TEST(GrpcHealthTest, TheStatusMayBeInTheHead) {
  EXPECT_EQ(problem(kOkHead + "grpc-status: 0\r\n", serving_status(1), ""), "");
  EXPECT_EQ(problem(kOkHead + "grpc-status: 5\r\n", "", ""), "grpc-status 5");
  EXPECT_EQ(problem(kOkHead + "GRPC-Status: 12\r\n", "", ""), "grpc-status 12");
}

TEST(GrpcHealthTest, TrailersCountBeforeTheHead) {
  EXPECT_EQ(problem(kOkHead + "grpc-status: 0\r\n", serving_status(1), "grpc-status: 14\r\n"),
            "grpc-status 14");
}

TEST(GrpcHealthTest, OtherStatusesAreProblems) {
  EXPECT_EQ(problem("HTTP/1.1 503 x\r\n", serving_status(1), kOkTrailers), "status 503");
  EXPECT_EQ(problem("HTTP/1.1 404 x\r\n", "not found", ""), "status 404");
  EXPECT_EQ(problem(kOkHead, serving_status(1), ""), "no grpc-status");
  EXPECT_EQ(problem(kOkHead, serving_status(1), "grpc-message: x\r\n"), "no grpc-status");
  EXPECT_EQ(problem(kOkHead, serving_status(1), "x: y\r\nGrpc-Status: 13\r\n"), "grpc-status 13");
  EXPECT_EQ(problem(kOkHead, serving_status(1), "grpc-status: 00\r\n"), "grpc-status 00");
}

TEST(GrpcHealthTest, ALongStatusIsCut) {
  EXPECT_EQ(problem(kOkHead, "", "grpc-status: " + std::string(500, '7') + "\r\n"),
            "grpc-status " + std::string(16, '7'));
}

}  // namespace
}  // namespace bonedry::proxy
