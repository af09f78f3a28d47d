// Damage to the files between one process and the next.

#include "proxy/base/file.h"
#include "session/ledger_file.h"
#include "session/ledger_layout.h"
#include "tests/unit/control/promise_world.h"

#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace bonedry::admin::real {

namespace layout = session::layout;
using session::LedgerFile;
using session::LedgerPlan;

namespace {

// Bytes 48 to 51 of a record are not damaged: only the precision of later figures depends on them.
constexpr std::size_t kUnguarded = 48;
constexpr std::size_t kGuardedAgain = 52;

struct Part {
  std::size_t at;
  std::size_t size;
};

/// The parts of the file that are in use: the header, node slots, shard headers and records.
std::vector<Part> parts_in_use(const LedgerFile& file) {
  std::vector<Part> parts{{0, sizeof(layout::Header)}};
  for (std::size_t slot = 0; slot < file.header().slots_used.load(); ++slot) {
    parts.push_back({LedgerPlan::slots_at() + slot * sizeof(layout::Slot), sizeof(layout::Slot)});
  }
  for (std::size_t shard = 0; shard < file.plan().shards(); ++shard) {
    const std::size_t at = file.plan().shard_at(shard);
    parts.push_back({at, sizeof(layout::ShardHeader)});
    const auto used = file.at<layout::ShardHeader>(at)->used.load();
    for (std::size_t record = 0; record < used; ++record) {
      const std::size_t from = file.plan().records_at(shard) + record * sizeof(layout::Record);
      parts.push_back({from, kUnguarded});
      parts.push_back({from + kGuardedAgain, sizeof(layout::Record) - kGuardedAgain});
    }
  }
  return parts;
}

}  // namespace

void Proxy::damage_ledger(const Dice& dice, int bits) const {
  auto found = LedgerFile::find(directory / "ledger");
  if (!found || !*found || !(*found)->file) throw std::runtime_error("no ledger to damage");
  const LedgerFile& file = *(*found)->file;
  const std::vector<Part> parts = parts_in_use(file);
  for (int bit = 0; bit < bits; ++bit) {
    const Part& part = parts[dice(parts.size())];
    auto& byte = *file.at<unsigned char>(part.at + dice(part.size));
    byte = static_cast<unsigned char>(byte ^ (1U << dice(8)));
  }
}

std::string Proxy::damage_records(const Dice& dice) const {
  const std::string path = directory / "nodes.json";
  const Result<std::string> before = read_file(path);
  const Result<NodeRecords> right = store.load();
  if (!before || before->empty() || !right) return "";
  std::string text = *before;
  char& byte = text[dice(text.size())];
  byte = static_cast<char>(byte ^ static_cast<char>(1U << dice(8)));
  std::ofstream(path) << text;
  const Result<NodeRecords> read = store.load();
  std::ofstream(path) << *before;
  return !read || *read == *right ? "" : "damaged node records are believed:\n" + text;
}

void Proxy::each_session(
    const std::function<void(const std::string&, const session::SessionInfo&)>& show) const {
  std::map<session::NodeSlot, std::string> keys;
  for (const session::LedgerNode& node : ledger->nodes()) keys[node.slot] = node.key;
  for (std::size_t part = 0; part < ledger->parts(); ++part) {
    ledger->for_each(part, [&](session::NodeSlot slot, const session::SessionInfo& info) {
      show(keys[slot], info);
    });
  }
}

}  // namespace bonedry::admin::real
