#include "admin/config_diff.h"

#include "admin/find_pool.h"
#include "admin/phrases.h"
#include "balancer/node_id.h"

#include <algorithm>

namespace bonedry::admin {

using balancer::NodeId;

namespace {

const conf::Node* find_node(const conf::Pool& pool, const std::string& name) {
  const auto found = std::ranges::find(pool.nodes, name, &conf::Node::name);
  return found == pool.nodes.end() ? nullptr : &*found;
}

/// The node as `pool` has it, by this name or by an earlier one.
const conf::Node* find_earlier(const conf::Pool& pool, const conf::Node& node) {
  if (const conf::Node* const same = find_node(pool, node.name)) return same;
  for (const std::string& name : node.formerly) {
    if (const conf::Node* const earlier = find_node(pool, name)) return earlier;
  }
  return nullptr;
}

std::string from_to(const std::string& what, const std::string& from, const std::string& to) {
  return what + " " + from + " to " + to;
}

/// "; 'bonedryctl activate shop/bob' puts it back"
std::string how_to_activate(const NodeId& id) {
  return "; 'bonedryctl activate " + id.text() + "' puts it back";
}

void describe_bleed(const NodeId& id, const conf::Node* was, const conf::Node& node,
                    const NodeRecords& records, std::vector<std::string>& lines) {
  const NodeRecord* const record = find_record(records, id);
  if (record == nullptr) return;
  if (node.weight == 0) {
    if (was == nullptr || was->weight > 0) lines.push_back(id.text() + " bleeds: its weight is 0");
  } else if (was == nullptr || was->weight == 0) {
    lines.push_back(id.text() + " still bleeds" +
                    (record->reason.empty() ? "" : " (" + record->reason + ")") +
                    how_to_activate(id));
  }
}

void describe_node(const NodeId& id, const conf::Node* was, const conf::Node& node,
                   const NodeRecords& records, std::vector<std::string>& lines) {
  const std::string name = id.text();
  if (was == nullptr) {
    lines.push_back(name + " added");
  } else {
    std::vector<std::string> parts;
    if (was->name != node.name) parts.push_back(from_to("name", was->name, node.name));
    if (was->address != node.address) {
      parts.push_back(from_to("address", to_string(was->address), to_string(node.address)));
    }
    if (was->weight != node.weight) {
      parts.push_back(from_to("weight", std::to_string(was->weight), std::to_string(node.weight)));
    }
    if (was->group != node.group) {
      parts.push_back(node.group.empty() ? "no group" : "group " + node.group);
    }
    conf::Node rest = node;
    rest.name = was->name;
    rest.address = was->address;
    rest.weight = was->weight;
    rest.group = was->group;
    rest.formerly = was->formerly;
    if (rest != *was) parts.emplace_back("limits");
    if (!parts.empty()) lines.push_back(name + ": " + joined(parts));
  }
  describe_bleed(id, was, node, records, lines);
}

void describe_settings(const conf::Pool& was, const conf::Pool& pool,
                       std::vector<std::string>& lines) {
  const std::string name = "pool " + pool.name + ": ";
  const bool renamed = was.session.cookie != pool.session.cookie;
  if (renamed || was.session.sticky != pool.session.sticky) {
    lines.push_back(name + (renamed ? "cookie renamed" : "'sticky' changed") +
                    ": all its users will be new");
  }
  conf::Pool rest = pool;
  rest.nodes = was.nodes;
  rest.session.cookie = was.session.cookie;
  rest.session.cookie_named = was.session.cookie_named;
  rest.session.sticky = was.session.sticky;
  std::vector<std::string> tables;
  if (rest.session != was.session) tables.emplace_back("[pool.session]");
  if (rest.health != was.health) tables.emplace_back("[pool.health]");
  if (rest.tls != was.tls) tables.emplace_back("[pool.tls]");
  rest.session = was.session;
  rest.health = was.health;
  rest.tls = was.tls;
  if (rest != was) tables.emplace_back("[[pool]]");
  if (!tables.empty()) lines.push_back(name + joined(tables) + " changed");
}

void describe_pool(const conf::Pool& was, const conf::Pool& pool, const NodeRecords& records,
                   std::vector<std::string>& lines) {
  describe_settings(was, pool, lines);
  std::vector<const conf::Node*> kept;
  for (const conf::Node& node : pool.nodes) {
    const conf::Node* const before = find_earlier(was, node);
    if (before != nullptr) kept.push_back(before);
    describe_node({pool.name, node.name}, before, node, records, lines);
  }
  for (const conf::Node& node : was.nodes) {
    if (std::ranges::find(kept, &node) != kept.end()) continue;
    lines.push_back(NodeId{pool.name, node.name}.text() +
                    " removed: it bleeds until its users are gone");
  }
}

bool takes_new_users(const conf::Pool& pool, const conf::Node& node, const NodeRecords& records) {
  return node.weight > 0 && find_record(records, {pool.name, node.name}) == nullptr;
}

bool has_node_for_new_users(const conf::Pool& pool, const NodeRecords& records) {
  return std::ranges::any_of(
      pool.nodes, [&](const conf::Node& node) { return takes_new_users(pool, node, records); });
}

}  // namespace

std::vector<std::string> changes_between(const conf::Config& before, const conf::Config& next,
                                         const NodeRecords& records) {
  std::vector<std::string> lines;
  for (const conf::Pool& pool : next.pools) {
    const conf::Pool* const was = find_pool(before, pool.name);
    if (was != nullptr) {
      describe_pool(*was, pool, records, lines);
      continue;
    }
    lines.push_back("pool " + pool.name + " added with " +
                    counted(static_cast<std::int64_t>(pool.nodes.size()), "node"));
    for (const conf::Node& node : pool.nodes) {
      describe_bleed({pool.name, node.name}, nullptr, node, records, lines);
    }
  }
  for (const conf::Pool& pool : before.pools) {
    if (find_pool(next, pool.name) == nullptr) lines.push_back("pool " + pool.name + " removed");
  }
  if (before.limits != next.limits) lines.emplace_back("[limits] changed");
  if (before.timeouts != next.timeouts) lines.emplace_back("[timeouts] changed");
  if (before.server.trusted_proxies != next.server.trusted_proxies) {
    lines.emplace_back("[server] trusted_proxies changed");
  }
  if (before.admin.tokens != next.admin.tokens) lines.emplace_back("[[admin.token]] changed");
  if (before.admin.without_token != next.admin.without_token) {
    lines.emplace_back("[admin] without_token changed");
  }
  if (before.admin.bleed_warning != next.admin.bleed_warning) {
    lines.emplace_back("[admin] bleed_warning changed");
  }
  if (before.hooks != next.hooks) lines.emplace_back("[hooks] changed");
  if (before.listeners != next.listeners) lines.emplace_back("[[listener]] changed");
  return lines;
}

std::optional<std::string> pool_left_without_node(const conf::Config& before,
                                                  const NodeRecords& records_before,
                                                  const conf::Config& next,
                                                  const NodeRecords& records) {
  for (const conf::Pool& pool : next.pools) {
    const conf::Pool* const was = find_pool(before, pool.name);
    if (was == nullptr || !has_node_for_new_users(*was, records_before)) continue;
    if (has_node_for_new_users(pool, records)) continue;
    std::vector<std::string> names;
    for (const conf::Node& node : pool.nodes) names.push_back(node.name);
    return "pool " + pool.name + " would have no node for new users: " + joined(names) +
           (names.size() == 1 ? " bleeds" : " all bleed");
  }
  return std::nullopt;
}

}  // namespace bonedry::admin
