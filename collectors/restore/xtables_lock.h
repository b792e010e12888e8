// The lock that iptables-legacy takes for every change, seen from /proc/locks: it is never taken or
// tried.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "collectors/restore/file_id.h"
#include "collectors/restore/tracker.h"

namespace kubecliff::restore {

struct LockState {
  bool held = false;
  std::vector<std::uint32_t> waiters = {};  // process ids; 0 for those of another pid namespace
};

// `text` is /proc/locks. Lines that are not what they should be are passed over.
[[nodiscard]] LockState decode_locks(std::string_view text, const FileId& file);

// How long waiters waited, as far as samples can tell: from the first to the last in which each was
// seen, and on to the sample that no longer shows it.
class LockWaits {
 public:
  // The waits that have ended.
  std::vector<Time> sample(const LockState& state, Time now);

 private:
  std::map<std::uint32_t, Time> since_;
};

}  // namespace kubecliff::restore
