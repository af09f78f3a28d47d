// Passes, which take testers to nodes that are out of rotation.

#include "admin/control_plane.h"
#include "admin/phrases.h"
#include "proxy/base/duration.h"
#include "session/pass.h"

namespace bonedry::admin {

Result<PassResult, CommandError> ControlPlane::issue_pass(const balancer::NodeId& id, Millis ttl,
                                                          const std::string& by) {
  if (ttl < session::kMinPassTtl || ttl > session::kMaxPassTtl) {
    return fail(ErrorCode::invalid, "--ttl takes " + format_duration(session::kMinPassTtl) +
                                        " to " + format_duration(session::kMaxPassTtl) + ", not " +
                                        format_duration(ttl));
  }
  PassResult result{id, parts_.passes.issue(id, ttl), ttl};
  parts_.events.add("pass", id, "a pass for " + format_duration(ttl) + who(by, ""));
  return result;
}

void ControlPlane::revoke_passes(const balancer::NodeId& id, const std::string& by,
                                 const ChangeCallback& callback) {
  if (is_standby()) return callback(fail(ErrorCode::unavailable, kHandedOver));
  const Result<> saved = parts_.passes.revoke(id);
  if (!saved) {
    return callback(fail(ErrorCode::storage_failed, saved.error() + "; no change was made"));
  }
  publish([this, id, by,
           callback = ack_timeouts_.with_timeout("passes for " + id.text() + " may still be valid",
                                                 callback)] {
    parts_.events.add("pass", id, "all passes made so far are void" + who(by, ""));
    callback(ChangeResult(RevokeResult{id}));
  });
}

}  // namespace bonedry::admin
