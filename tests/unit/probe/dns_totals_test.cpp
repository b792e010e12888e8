#include "collectors/probe/dns_totals.h"

#include <chrono>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/figures.h"

namespace kubecliff::probe {
namespace {

using namespace std::chrono_literals;
using ::testing::IsSupersetOf;
using ::testing::Pair;

TEST(DnsTotals, AnAnswerHasATimeWhateverItSaysAndNoAnswerHasNone) {
  DnsTotals totals{"cluster"};
  totals.take_in({DnsOutcome{.time = 0.5s, .failure = std::nullopt},
                  DnsOutcome{.time = 0.25s, .failure = DnsReason::nxdomain}});
  totals.take_in({DnsOutcome{.time = 5s, .failure = std::nullopt},
                  DnsOutcome{.time = std::nullopt, .failure = DnsReason::timeout}});
  Samples samples;
  totals.add("pod", samples);
  add_search_queries(8, "pod", samples);
  EXPECT_THAT(test::figures_of(samples, "kubecliff_dns_"),
              IsSupersetOf({Pair("lookup_seconds_count{cluster,A,pod}", 2.0),
                            Pair("lookup_seconds_sum{cluster,A,pod}", 5.5),
                            Pair("lookup_seconds_count{cluster,AAAA,pod}", 1.0),
                            Pair("lookup_failures_total{cluster,A,timeout,pod}", 0.0),
                            Pair("lookup_failures_total{cluster,AAAA,timeout,pod}", 1.0),
                            Pair("lookup_failures_total{cluster,AAAA,nxdomain,pod}", 1.0),
                            Pair("search_queries{pod}", 8.0)}));
}

}  // namespace
}  // namespace kubecliff::probe
