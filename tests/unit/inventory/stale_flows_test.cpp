#include "collectors/inventory/stale_flows.h"

#include <netinet/in.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"
#include "tests/support/service_keys.h"

namespace kubecliff::inventory {
namespace {

using conntrack::Flow;
using test::address_bytes;

enum class Zone : std::uint8_t { none, other };

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() { set_endpoints({"10.0.0.1"}); }

  void set_endpoints(const std::vector<std::string_view>& endpoints) {
    const auto at = address_bytes("10.96.0.1");
    Service service{.name = "a/dns:dns", .protocol = IPPROTO_UDP};
    for (const std::string_view endpoint : endpoints) {
      const auto bytes = address_bytes(endpoint);
      service.endpoints.push_back({.address = Address{bytes}, .port = 53});
    }
    services_ = {};
    services_.services.push_back(std::move(service));
    services_.addresses.push_back(
        {.address = Address{at}, .protocol = IPPROTO_UDP, .port = 53, .service = 0});
  }

  static void add(TranslatedFlows& flows, std::string_view backend, int count,
                  Zone zone = Zone::none) {
    const auto to = address_bytes("10.96.0.1");
    const auto by = address_bytes(backend);
    Flow flow{.flow_class = {},
              .protocol = IPPROTO_UDP,
              .zoned = zone == Zone::other,
              .original = {},
              .reply = {}};
    flow.original.destination = to;
    flow.original.destination_port = 53;
    flow.reply.source = by;
    flow.reply.source_port = 53;
    for (int i = 0; i < count; ++i) {
      flows.add(flow);
    }
  }

  Services services_;
};

TEST_F(JudgeTest, NamesThoseWithTheMostFlowsFirst) {
  const ServiceIndex before{services_};
  TranslatedFlows flows{before};
  add(flows, "10.0.0.1", 9);
  add(flows, "10.0.0.2", 3);
  add(flows, "10.0.0.3", 5);
  add(flows, "10.96.0.1", 7);  // not translated
  const auto stale = judge(flows, services_, 10);
  ASSERT_THAT(stale, test::has_value());
  EXPECT_EQ(stale->total, 8U);
  ASSERT_EQ(stale->most.size(), 2U);
  EXPECT_EQ(stale->most[0].service, "a/dns:dns");
  EXPECT_EQ(text(stale->most[0].flow.backend, stale->most[0].flow.backend_port), "10.0.0.3:53");
  EXPECT_EQ(text(stale->most[0].flow.address, stale->most[0].flow.port), "10.96.0.1:53");
  EXPECT_EQ(stale->most[0].flow.flows, 5U);
  EXPECT_EQ(judge(flows, services_, 1)->most.size(), 1U);
  EXPECT_EQ(judge(flows, services_, 1)->total, 8U);
}

// One that was added between the look before and the dump.
TEST_F(JudgeTest, BelievesTheLookAfterTheDump) {
  const Services before = services_;
  const ServiceIndex index{before};
  TranslatedFlows flows{index};
  add(flows, "10.0.0.2", 3);
  set_endpoints({"10.0.0.2"});
  EXPECT_EQ(judge(flows, services_, 10)->total, 0U);
}

TEST_F(JudgeTest, LeavesZonesAlone) {
  const ServiceIndex before{services_};
  TranslatedFlows flows{before};
  add(flows, "10.0.0.2", 3, Zone::other);
  EXPECT_TRUE(flows.all().empty());
}

TEST_F(JudgeTest, SaysNothingWhereSomethingCouldNotBeRead) {
  const ServiceIndex before{services_};
  const TranslatedFlows flows{before};
  Services after = services_;
  after.misses.push_back(
      {.dataplane = Dataplane::ipvs, .error = {.kind = ErrorKind::denied, .message = "no"}});
  EXPECT_THAT(judge(flows, after, 10),
              test::fails_with(ErrorKind::denied, testing::HasSubstr("ipvs: no")));
}

}  // namespace
}  // namespace kubecliff::inventory
