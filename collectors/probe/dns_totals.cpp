#include "collectors/probe/dns_totals.h"

#include <cstddef>
#include <utility>

#include "collectors/probe/dns_servers.h"

namespace kubecliff::probe {
namespace {

using prometheus::MetricType;

// A cache on the node answers within the first two; between the last two lie the lookups whose
// first packet was lost.
constexpr std::array kBounds{0.0005, 0.001, 0.002, 0.005, 0.02, 0.2, 4.9, 5.5};

constexpr std::size_t kMostQueries = kMostServers * kQueries.size();

constexpr std::array kFamilies{
    FamilySpec{
        .name = "kubecliff_dns_lookup_seconds",
        .type = MetricType::Histogram,
        .help = "How long the DNS server took to answer, whatever it said. Between 4.9 and 5.5 s "
                "lie those whose first packet got no answer, as where A and AAAA race for one "
                "entry of connection tracking.",
        .labels = {"server", "query", "vantage"},
        .max_series = kMostQueries,
        .bounds = kBounds},
    FamilySpec{
        .name = "kubecliff_dns_lookup_failures_total",
        .type = MetricType::Counter,
        .help = "Lookups that failed: timeout (no answer within 10 s), nxdomain (no such name), "
                "servfail and refused (said so by the server), unreachable (nobody listens, or a "
                "rule rejects), other.",
        .labels = {"server", "query", "reason", "vantage"},
        .max_series = kMostQueries * kDnsReasons.size()},
    FamilySpec{
        .name = "kubecliff_dns_search_queries",
        .help = "DNS queries that an application sends for one lookup of a name of "
                "--collector.probe.dns-names: 2, A and AAAA, for each name of resolv.conf's search "
                "list that ndots puts before it, and for itself; the most of all names.",
        .labels = {"vantage"}},
};
constexpr const FamilySpec& kSeconds = kFamilies[0];
constexpr const FamilySpec& kFailures = kFamilies[1];
constexpr const FamilySpec& kSearchQueries = kFamilies[2];

}  // namespace

std::span<const FamilySpec> dns_families() {
  return kFamilies;
}

DnsTotals::QueryTotals::QueryTotals()
    : times{prometheus::Histogram::BucketBoundaries{kBounds.begin(), kBounds.end()}} {}

DnsTotals::DnsTotals(std::string label) : label_{std::move(label)} {}

void DnsTotals::take_in(const DnsOutcomes& outcomes) {
  for (std::size_t i = 0; i < kQueries.size(); ++i) {
    if (outcomes[i].time) {
      queries_[i].times.Observe(seconds(*outcomes[i].time));
    }
    if (outcomes[i].failure) {
      ++queries_[i].failures[static_cast<std::size_t>(*outcomes[i].failure)];
    }
  }
}

void DnsTotals::add(std::string_view vantage, Samples& out) const {
  for (const Query query : kQueries) {
    const QueryTotals& totals = queries_[static_cast<std::size_t>(query)];
    out.add(kSeconds, {label_, name(query), vantage}, totals.times.Collect());
    for (const DnsReason reason : kDnsReasons) {
      out.add(kFailures, {label_, name(query), name(reason), vantage},
              static_cast<double>(totals.failures[static_cast<std::size_t>(reason)]));
    }
  }
}

void add_search_queries(std::size_t queries, std::string_view vantage, Samples& out) {
  out.add(kSearchQueries, {vantage}, static_cast<double>(queries));
}

}  // namespace kubecliff::probe
