#include "proxy/health_answer.h"

#include "balancer/admission.h"

namespace bonedry::proxy {
namespace {

http::LocalResponse plain(int status, const char* line) {
  http::LocalResponse response{status, ""};
  response.content = line;
  response.content_type = http::kPlainText;
  return response;
}

}  // namespace

http::LocalResponse answer_health(std::string_view method, const balancer::PoolView* pool,
                                  ProcessState process, Instant now) {
  if (method != "GET" && method != "HEAD") {
    http::LocalResponse response{405, "health is asked for with GET or HEAD"};
    response.allow = "GET, HEAD";
    return response;
  }
  if (process == ProcessState::stopping) return plain(503, "shutting down\n");
  if (pool == nullptr) return plain(200, "ok\n");
  switch (balancer::admission(*pool, now)) {
    case balancer::Admission::open:
      return plain(200, "ok\n");
    case balancer::Admission::none_active:
      return plain(503, "no node is active\n");
    case balancer::Admission::none_healthy:
      return plain(503, "no active node is healthy\n");
    case balancer::Admission::none_free:
      break;
  }
  return plain(503, "all healthy nodes are full\n");
}

}  // namespace bonedry::proxy
