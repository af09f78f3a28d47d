#pragma once

#include "conf/config.h"

#include <map>
#include <string>
#include <vector>

namespace bonedry::admin::cluster {

/// By pool: what must be the same on all members, as words such as "nodes:1f2e3d4c5b6a7988". A
/// word has a name and a hash, so that others can say what differs and see no secret.
[[nodiscard]] std::map<std::string, std::string> pool_fingerprints(
    const conf::Config& config, const std::vector<std::string>& secrets);

/// The names of the words that differ: "nodes, session times"; empty: none.
[[nodiscard]] std::string differing(const std::string& one, const std::string& other);

}  // namespace bonedry::admin::cluster
