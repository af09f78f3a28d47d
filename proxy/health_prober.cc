#include "proxy/health_prober.h"

#include "proxy/tls/loop_tls.h"

#include <set>
#include <utility>

namespace bonedry::proxy {

namespace {

// For the response to a check: more than servers send, and a bound on the memory that one node can
// use.
constexpr http::HeadLimits kLimits{16384, 100};

}  // namespace

HealthProber::HealthProber(io::EventLoop& loop, HealthCheck::OnChange on_change)
    : on_change_(std::move(on_change)),
      context_{loop, blocks_, pipes_, http2_, kLimits},
      tls_(std::make_unique<tls::LoopTls>()) {}

/// Connections of checks must not outlive the memory that they use.
HealthProber::~HealthProber() {
  checks_.clear();
  context_.loop.collect();
}

void HealthProber::adopt(const balancer::Topology& topology) {
  std::set<std::string> wanted;
  for (const balancer::PoolView& pool : topology.pools) {
    if (!pool.config.health.active) continue;
    for (const balancer::NodeView& view : pool.nodes) {
      wanted.insert(view.node->key());
      auto& check = checks_[view.node->key()];
      if (!check) check = std::make_unique<HealthCheck>(context_, slots_, on_change_, view.node);
      check->configure(view, pool.config, tls_->client_context(pool.config));
    }
  }
  for (auto check = checks_.begin(); check != checks_.end();) {
    if (wanted.contains(check->first)) {
      ++check;
      continue;
    }
    check->second->stop();
    context_.loop.retire(std::move(check->second));
    check = checks_.erase(check);
  }
}

const balancer::CheckHistory* HealthProber::history(const std::string& node) const {
  const auto found = checks_.find(node);
  return found == checks_.end() ? nullptr : &found->second->history();
}

}  // namespace bonedry::proxy
