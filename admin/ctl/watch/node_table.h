#pragma once

#include "admin/ctl/watch/picture.h"
#include "admin/ctl/watch/watch_status.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace bonedry::ctl {

/// The table of `watch`: a heading, and for each pool its name and a line for each node. Columns
/// that do not fit are left out.
struct NodeTable {
  PictureLine heading;
  std::vector<PictureLine> lines;
  std::size_t selected = 0;  ///< the line of the selected node
};

/// `selected`: the node that is marked; null: none.
[[nodiscard]] NodeTable node_table(const WatchedStatus& status, const WatchedNode* selected,
                                   std::size_t width, Charset charset);

/// "shop/alice is bone dry: it can be updated now"
[[nodiscard]] std::string bone_dry_text(const WatchedNode& node);
/// How many, as in the table: "-" if not known.
[[nodiscard]] std::string rate_text(const std::optional<double>& per_second);
/// "3s", "1h30m", without fractions; "-" if not known.
[[nodiscard]] std::string age_text(const std::optional<Millis>& age);

}  // namespace bonedry::ctl
