#pragma once

#include "admin/cluster/local_nodes.h"
#include "admin/control_plane.h"
#include "session/ledger.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bonedry::admin::cluster {

/// The nodes of this member as its control plane has them. Main thread.
class ControlNodes final : public LocalNodes {
 public:
  /// Both must outlive this.
  ControlNodes(ControlPlane& control, const session::Ledger& ledger,
               std::vector<std::string> secrets)
      : control_(control), ledger_(ledger), secrets_(std::move(secrets)) {}

  [[nodiscard]] const NodeRecords& records() const override { return control_.records(); }
  [[nodiscard]] bool decides() const override { return !control_.is_standby(); }
  [[nodiscard]] bool has(const balancer::NodeId& node) const override { return control_.has(node); }
  [[nodiscard]] Result<> apply(const Decisions& decisions) override {
    return control_.apply(decisions);
  }
  [[nodiscard]] Result<> save() override { return control_.save_records(); }
  void publish() override { control_.republish(); }
  [[nodiscard]] std::vector<std::string> blocked_by(const balancer::NodeId& node) const override {
    return control_.blocked_here(node);
  }
  [[nodiscard]] DryOutlook outlook(const balancer::NodeId& node) const override {
    return control_.outlook_here(node);
  }
  [[nodiscard]] bool has_sessions(const balancer::NodeId& node) const override;
  void retract_dryness(const balancer::NodeId& node) override { control_.retract_dryness(node); }
  void hold(const NodeIds& nodes, std::function<void()> held) override {
    control_.hold(nodes, std::move(held));
  }
  void release(const NodeIds& nodes) override { control_.release(nodes); }
  [[nodiscard]] std::map<std::string, std::string> pools() const override;
  [[nodiscard]] Millis longest_session(std::string_view pool) const override;
  [[nodiscard]] std::uint64_t sessions() const override { return ledger_.totals().sessions; }

 private:
  ControlPlane& control_;
  const session::Ledger& ledger_;
  std::vector<std::string> secrets_;
};

}  // namespace bonedry::admin::cluster
