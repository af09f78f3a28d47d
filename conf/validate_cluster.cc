#include "conf/validate_cluster.h"

#include "conf/spelling.h"
#include "proxy/base/duration.h"

#include <string>

namespace bonedry::conf {
namespace {

// Members say that they are there twice a second; a message may be late.
constexpr Millis kLeastSilence = std::chrono::seconds{2};

/// One that is made at the first start would be another on each member: none could read the others'
/// cookies.
void check_secret_is_given(const Sections& sections) {
  if (sections.server.has("secrets") || sections.server.has("secret_file")) return;
  sections.cluster.error(
      "needs a secret that all members share: set secrets or secret_file in [server]");
}

void check_name(const Cluster& cluster, const TableReader& table) {
  if (!cluster.name.empty() || !table.sound("name")) return;
  table.error("name", "required, since the name of this host cannot be the name of a member");
}

}  // namespace

void validate_cluster(const Config& config, const Sections& sections) {
  if (!config.cluster) return;
  const TableReader& table = sections.cluster;
  check_secret_is_given(sections);
  check_name(*config.cluster, table);
  if (table.sound("silent_after") && config.cluster->silent_after < kLeastSilence) {
    table.error("silent_after", "too short; expected at least " + format_duration(kLeastSilence));
  }
  const Millis forget = config.cluster->forget_after;
  if (table.sound("forget_after") && forget != Millis{0} && forget < config.cluster->silent_after) {
    table.error("forget_after", "too short; expected 0, or at least silent_after (" +
                                    format_duration(config.cluster->silent_after) + ")");
  }
  if (forget != Millis{0} && !config.cluster->sentinels.empty()) {
    table.error("forget_after",
                "is not possible with sentinels: while they fail over, members may speak with "
                "different servers, and not know of each other");
  }
  if (!config.cluster->username.empty() && config.cluster->password_file.empty()) {
    table.warning("username", "is set without password_file: the server is asked without password");
  }
}

}  // namespace bonedry::conf
