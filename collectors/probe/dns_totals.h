// DnsTotals: what has become of all lookups of one DNS server so far, and how that is served.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <prometheus/histogram.h>

#include "collectors/core/family.h"
#include "collectors/core/samples.h"
#include "collectors/probe/dns_probe.h"

namespace kubecliff::probe {

// Of DNS, in the order in which they are shown.
[[nodiscard]] std::span<const FamilySpec> dns_families();

class DnsTotals {
 public:
  explicit DnsTotals(std::string label);

  [[nodiscard]] const std::string& label() const { return label_; }

  void take_in(const DnsOutcomes& outcomes);
  void add(std::string_view vantage, Samples& out) const;

 private:
  struct QueryTotals {
    QueryTotals();

    prometheus::Histogram times;
    std::array<std::uint64_t, kDnsReasons.size()> failures{};
  };

  std::string label_;
  std::array<QueryTotals, kQueries.size()> queries_;
};

// Queries that an application's lookup makes of the worst of the names; at least one name.
void add_search_queries(std::size_t queries, std::string_view vantage, Samples& out);

}  // namespace kubecliff::probe
