// SyncTimes: how old kube-proxy's rules are, and for how long a change has been waiting for them,
// from its own two timestamps.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace kubecliff::kubeproxy {

using Seconds = std::chrono::duration<double>;  // points in time: since the epoch

// Of one address family, or of both where kube-proxy does not tell them apart; never: zero.
struct SyncStamps {
  Seconds last{};        // the rules were brought up to date
  Seconds queued{};      // a change was learned of
  bool pending = false;  // changes wait, as it counts them; queued during an update, they are older
                         // than the update's end
  bool only = false;     // the last update was the first, too
};

class SyncTimes {
 public:
  struct Ages {
    // Since the last update; since kube-proxy's start where there was none.
    std::optional<Seconds> synced;
    // Since the first change that is still waiting; zero where none is. The stamp alone tells of
    // the latest: in a stream of changes it stays young while nothing is updated.
    Seconds queued{};
    // From kube-proxy's start to its first update, where that was seen.
    std::optional<Seconds> first_sync;
  };

  // `process_start` where kube-proxy's process is known. Ages are never negative.
  [[nodiscard]] Ages look(std::string_view ip_family, const SyncStamps& stamps, Seconds now,
                          std::optional<Seconds> process_start);

 private:
  struct Family {
    std::optional<Seconds> waiting_since;
    Seconds last{};
    std::optional<Seconds> process_start;  // of the process that the rest is about
    bool unsynced_seen = false;
    std::optional<Seconds> first_sync;
  };

  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace kubecliff::kubeproxy
