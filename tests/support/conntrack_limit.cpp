#include "tests/support/conntrack_limit.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"

namespace kubecliff::test {
namespace {

constexpr const char* kLimit = "/proc/sys/net/netfilter/nf_conntrack_max";

}  // namespace

LoweredLimit::LoweredLimit() : file_{::open(kLimit, O_RDWR | O_CLOEXEC)} {}

LoweredLimit::~LoweredLimit() {
  if (before_ && !write(*before_)) {
    ADD_FAILURE() << "nf_conntrack_max stays lowered";
  }
}

bool LoweredLimit::lower_to(std::uint64_t limit) {
  if (!before_) {
    const auto before = read_number(kLimit);
    if (!before) {
      return false;
    }
    before_ = *before;
  }
  return write(limit);
}

bool LoweredLimit::write(std::uint64_t limit) {
  const std::string text = std::to_string(limit);
  return ::pwrite(file_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

}  // namespace kubecliff::test
