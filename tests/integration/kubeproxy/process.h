// A program under kube-proxy's name.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "collectors/kernel/unique_fd.h"
#include "tests/support/file_tree.h"

namespace kubecliff::test {

// Runs when it is made, with its standard input in the test's hands, and ends with this object.
class KubeProxy {
 public:
  // `program` is found in the usual places.
  explicit KubeProxy(const std::string& program, const std::vector<std::string>& arguments = {});
  KubeProxy(const KubeProxy&) = delete;
  KubeProxy& operator=(const KubeProxy&) = delete;
  ~KubeProxy() { end(); }

  void say(std::string_view line) const;
  // Until it has slept for some 20 ms on end.
  void wait_until_still() const;
  void end();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  // Under its new name; waiting for the kernel's work is no sleep.
  [[nodiscard]] bool sleeps() const;

  FileTree folder_;
  std::string path_ = folder_.path() / "kube-proxy";
  UniqueFd input_;
  pid_t pid_ = 0;
};

}  // namespace kubecliff::test
