#pragma once

#include "admin/cluster_status.h"
#include "admin/metrics/exposition.h"

namespace bonedry::admin::metrics {

/// The families of a member of a cluster. What counts is of this member, since its process started.
void write_cluster(Exposition& out, const ClusterStatus& cluster);

}  // namespace bonedry::admin::metrics
