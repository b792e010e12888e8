#include "collectors/kubeproxy/sync_times.h"

#include <algorithm>

namespace kubecliff::kubeproxy {
namespace {

constexpr Seconds kNever{0};

Seconds age(Seconds since, Seconds now) {
  return std::max(now - since, Seconds{0});
}

}  // namespace

SyncTimes::Ages SyncTimes::look(std::string_view ip_family, const SyncStamps& stamps, Seconds now,
                                std::optional<Seconds> process_start) {
  Family& family = families_.try_emplace(std::string{ip_family}).first->second;
  if (family.process_start != process_start) {
    family = Family{};
    family.process_start = process_start;
  }
  Ages ages;

  if (stamps.last > kNever) {
    ages.synced = age(stamps.last, now);
  } else if (process_start) {
    ages.synced = age(*process_start, now);
  }

  // An update takes in all that waited when it began.
  if (stamps.last != family.last) {
    family.waiting_since.reset();
    family.last = stamps.last;
  }
  if (stamps.queued <= stamps.last && !stamps.pending) {
    family.waiting_since.reset();
  } else if (!family.waiting_since) {
    // Before its first update it has changes, and no time of theirs.
    family.waiting_since =
        stamps.queued > kNever ? stamps.queued : std::max(stamps.last, process_start.value_or(now));
  }
  if (family.waiting_since) {
    ages.queued = age(*family.waiting_since, now);
  }

  if (process_start && stamps.last <= kNever) {
    family.unsynced_seen = true;
  } else if (process_start && (family.unsynced_seen || stamps.only) && !family.first_sync) {
    family.first_sync = age(*process_start, stamps.last);
  }
  ages.first_sync = family.first_sync;
  return ages;
}

}  // namespace kubecliff::kubeproxy
