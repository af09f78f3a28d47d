#include "admin/cluster/store_meter.h"

#include <utility>

namespace bonedry::admin::cluster {

void StoreMeter::send(redis::Words words, redis::Done done) {
  store_.send(std::move(words),
              [this, sent = clock_.now(), done = std::move(done)](Result<redis::Reply> reply) {
                if (reply) round_trips_.note(clock_.now() - sent);
                done(std::move(reply));
              });
}

}  // namespace bonedry::admin::cluster
