// DnsProbe: one name asked of one DNS server, A and AAAA at once, as the resolver of a pod does.
//
// c-ares does the work, driven by the descriptors and timers of a Poller. Not thread-safe; the
// Poller must outlive it.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/kernel/poller.h"

namespace kubecliff::probe {

enum class Query : std::uint8_t { a, aaaa };
inline constexpr std::array kQueries{Query::a, Query::aaaa};

// The value of the label `query`.
constexpr std::string_view name(Query query) {
  return query == Query::a ? "A" : "AAAA";
}

enum class DnsReason : std::uint8_t { timeout, nxdomain, servfail, refused, unreachable, other };
inline constexpr std::array kDnsReasons{DnsReason::timeout,     DnsReason::nxdomain,
                                        DnsReason::servfail,    DnsReason::refused,
                                        DnsReason::unreachable, DnsReason::other};

// The value of the label `reason`.
constexpr std::string_view name(DnsReason reason) {
  constexpr std::array<std::string_view, kDnsReasons.size()> kNames{
      "timeout", "nxdomain", "servfail", "refused", "unreachable", "other"};
  return kNames[static_cast<std::size_t>(reason)];
}

struct DnsOutcome {
  std::optional<std::chrono::duration<double>> time;  // to the answer, whatever it says
  std::optional<DnsReason> failure;
};
using DnsOutcomes = std::array<DnsOutcome, kQueries.size()>;

class DnsProbe {
 public:
  // Called from Poller::dispatch(), once for each lookup; it may start others.
  using Done = std::function<void(const DnsOutcomes& outcomes)>;

  explicit DnsProbe(Poller& poller);
  DnsProbe(const DnsProbe&) = delete;
  DnsProbe& operator=(const DnsProbe&) = delete;
  ~DnsProbe();  // what is under way is broken off, and nobody told

  // Both queries leave from one socket, which no other lookup uses: two packets of a flow that
  // connection tracking does not know yet, whose race can lose one of them. A query that gets no
  // answer is sent again after 5 s, as glibc does, and given up after 10 s.
  // The name is asked for as it is. `address` as DnsServer has it.
  [[nodiscard]] Result<void> start(const std::string& address, const std::string& name, Done done);

 private:
  class Lookup;

  void end(const Lookup* lookup);

  Poller& poller_;
  std::vector<std::unique_ptr<Lookup>> lookups_;
};

}  // namespace kubecliff::probe
