#include "exporter/report/names.h"

#include <netinet/in.h>

#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/core/dataplane_signs.h"
#include "collectors/core/result.h"
#include "collectors/inventory/services.h"
#include "collectors/inventory/stale_flows.h"

namespace kubecliff::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(AddMiss, OfBothFamiliesIsSaidOnce) {
  const Error denied{
      .kind = ErrorKind::denied, .errno_value = EPERM, .message = "read ruleset: denied"};
  Names names;
  for (const Dataplane dataplane :
       {Dataplane::iptables_nft, Dataplane::nftables, Dataplane::iptables_nft}) {
    add(inventory::Miss{.dataplane = dataplane, .error = denied}, names);
  }
  EXPECT_THAT(names.missing,
              ElementsAre("iptables-nft: read ruleset: denied", "nftables: read ruleset: denied"));
}

TEST(AddStaleFlows, TellsHowManyThereAreAndWhatIsNotListed) {
  inventory::StaleFlows stale{
      .total = 1'007,
      .most = {{.service = "kube-system/kube-dns:dns",
                .flow = {.port = 53, .protocol = IPPROTO_UDP, .backend_port = 53, .flows = 7}}}};
  Names names;
  add(stale, names);
  EXPECT_EQ(names.stale_flows_total, 1'007U);
  ASSERT_EQ(names.stale_flows.size(), 1U);
  EXPECT_EQ(names.stale_flows.front().service, "kube-system/kube-dns:dns");
  EXPECT_EQ(names.stale_flows.front().flows, 7U);
  EXPECT_THAT(names.missing, IsEmpty());

  stale.cut = true;
  add(stale, names);
  EXPECT_THAT(names.missing, ElementsAre(HasSubstr("more than 65,536 pairs")));
}

}  // namespace
}  // namespace kubecliff::report
