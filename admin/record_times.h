#pragma once

#include "admin/node_record.h"
#include "proxy/base/clock.h"

#include <cstdint>

/// Times of records: counted by the monotonic clock, written down by the calendar as well.
namespace bonedry::admin {

/// Date and Instant of a record that begins now.
void stamp_start(NodeRecord& record, const Clock& clock);
/// The same of a deadline that begins now.
void set_deadline(NodeRecord& record, Millis after, const Clock& clock);

/// Gives records of another boot their Instants.
void restore_monotonic(NodeRecords& records, const Clock& clock);

enum class WallClock : std::uint8_t { unchanged, changed };
/// When the calendar was set, the dates of what is under way follow: those who read them, and a
/// start after a reboot, then see how long it has been and how long it will be.
[[nodiscard]] WallClock adjust_dates(NodeRecords& records, const Clock& clock);

/// Nodes that bleed and whose deadline has passed, with sessions that are still theirs.
[[nodiscard]] Nodes past_deadline(const NodeRecords& records, Instant now);

}  // namespace bonedry::admin
