// What --collector.ipvs.devices takes.
#include <string_view>

#include <gtest/gtest.h>

#include "collectors/ipvs/ipvs.h"

namespace kubecliff::ipvs {
namespace {

TEST(Devices, AreNamesSeparatedByCommas) {
  const CollectorSpec described = spec();
  const OptionSpec& devices = described.options.front();
  for (const std::string_view good :
       {"", "kube-ipvs0", "kube-ipvs0,kube-dummy-if", "a,b,c,d", "fifteen-letters"}) {
    EXPECT_TRUE(devices.accepts(good)) << good;
  }
  for (const std::string_view bad :
       {"a,b,c,d,e", "a,,b", ",a", "sixteen-letters-", "a b", "a/b", "a,a"}) {
    EXPECT_FALSE(devices.accepts(bad)) << bad;
  }
}

}  // namespace
}  // namespace kubecliff::ipvs
