// Under the restrictions of conf/bonedry.service and of other service managers, a kill must still
// be distinguished from a crash of the machine.
#include "tests/scenario/story.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace bonedry::test {
namespace {

constexpr const char* kBootId = "/proc/sys/kernel/random/boot_id";

/// Hides /proc/sys as systemd's ProcSubset=pid does, from this thread and its children.
class HiddenKernel {
 public:
  HiddenKernel() {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      return;
    }
    if (mount_at("/proc", "proc", "subset=pid")) return;
    mount_at("/proc/sys", "tmpfs", nullptr);  // a container may not be allowed to mount proc
  }
  ~HiddenKernel() {
    if (!at_.empty()) ::umount2(at_.c_str(), MNT_DETACH);
  }
  HiddenKernel(const HiddenKernel&) = delete;
  HiddenKernel& operator=(const HiddenKernel&) = delete;

  [[nodiscard]] bool hidden() const { return ::access(kBootId, F_OK) != 0; }

 private:
  bool mount_at(const char* at, const char* kind, const char* options) {
    if (::mount(kind, at, kind, MS_NOSUID | MS_NODEV | MS_NOEXEC, options) != 0) return false;
    at_ = at;
    return true;
  }
  std::string at_;
};

class RestrictedStory : public ShopStory {};

INSTANTIATE_TEST_SUITE_P(Workers, RestrictedStory, worker_counts(), name_of_workers);

TEST_P(RestrictedStory, TheLedgerIsCompleteAfterAKillThatCannotBeToldByTheBootsId) {
  const HiddenKernel kernel;
  if (!kernel.hidden()) GTEST_SKIP() << "only root can hide " << kBootId;
  launch(config());
  User user = live_user_on(alice_);
  order("bleed alice");
  for (int kills = 0; kills < 3; ++kills) {
    bonedry_->kill9();
    bonedry_->start();
    const auto status = bonedry_->status();
    EXPECT_EQ(status.at("ledger").at("complete"), true);
    EXPECT_EQ(node_view(status, "alice").live, 1);
    user.go_to(bonedry_->address());
    EXPECT_FALSE(user.click().headers.has("Set-Cookie"));
    EXPECT_EQ(user.node(), "alice");
  }
}

}  // namespace
}  // namespace bonedry::test
