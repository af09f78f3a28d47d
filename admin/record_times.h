#pragma once

#include "admin/node_record.h"
#include "proxy/base/clock.h"

#include <cstdint>
#include <optional>

/// Times of records: counted by the monotonic clock, and saved as wall-clock dates as well.
namespace bonedry::admin {

/// Sets the date and Instant of a record that begins now.
void stamp_start(NodeRecord& record, const Clock& clock);
/// The same for a deadline that begins now.
void set_deadline(NodeRecord& record, Millis after, const Clock& clock);

/// Computes the Instants of records that were saved in another boot.
void restore_monotonic(NodeRecords& records, const Clock& clock);

enum class WallClock : std::uint8_t { unchanged, changed };
/// When the wall clock was set, corrects the dates of records, so that people who read them, and a
/// start after a reboot, see how long it has been and how long it will be.
[[nodiscard]] WallClock adjust_dates(NodeRecords& records, const Clock& clock);

/// NodeIds that bleed, whose deadline has passed and whose sessions have not been displaced yet.
[[nodiscard]] NodeIds past_deadline(const NodeRecords& records, Instant now);

/// The age of a bleed that is older than `limit` and was probably forgotten; nothing for others.
/// `limit` 0: none is. A node that is no longer in the config goes by itself.
[[nodiscard]] std::optional<Millis> age_of_long_bleed(const NodeRecord& record, Instant now,
                                                      Millis limit);

}  // namespace bonedry::admin
