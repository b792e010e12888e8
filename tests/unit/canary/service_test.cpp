#include "collectors/canary/service.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace kubecliff::canary {
namespace {

using testing::HasSubstr;
using namespace kubecliff::test;

std::string service(const std::string& spec) {
  return R"({"metadata":{"name":"c"},"spec":{)" + spec + "}}";
}

const std::string ports = R"("ports":[{"name":"echo","port":80,"protocol":"TCP"}])";

TEST(DecodeService, HasAnEntranceForEachFamily) {
  const auto both = decode_service(
      service(R"("clusterIP":"10.96.0.77","clusterIPs":["10.96.0.77","fd00::77"],)" + ports));
  ASSERT_THAT(both, has_value());
  EXPECT_EQ(both->port_name, "echo");
  ASSERT_EQ(both->entrances.size(), 2U);
  EXPECT_EQ(both->entrances[0].family, AddressFamily::ipv4);
  EXPECT_EQ(both->entrances[0].address, "10.96.0.77:80");
  EXPECT_EQ(both->entrances[1].family, AddressFamily::ipv6);
  EXPECT_EQ(both->entrances[1].address, "[fd00::77]:80");

  const auto old = decode_service(service(R"("clusterIP":"10.96.0.77",)" + ports));
  ASSERT_THAT(old, has_value());
  EXPECT_EQ(old->entrances.size(), 1U);
}

TEST(DecodeService, SaysWhatIsWrongWithOne) {
  struct Case {
    std::string spec;
    std::string why;
  };
  for (const Case& c : std::vector<Case>{
           {R"("clusterIP":"10.96.0.77","selector":{"app":"x"},)" + ports, "selector"},
           {R"("clusterIP":"None",)" + ports, "headless"},
           {R"("clusterIP":"10.96.0.777",)" + ports, "no address"},
           {R"("clusterIP":"10.96.0.77","ports":[{"port":80,"protocol":"UDP"}])", "TCP port"},
           {R"("clusterIP":"10.96.0.77","ports":[{"port":"80","protocol":"TCP"}])", "TCP port"},
           {R"("clusterIP":"10.96.0.77","ports":[{"port":80000,"protocol":"TCP"}])", "no address"},
           {R"("clusterIP":"10.96.0.77")", "TCP port"}}) {
    const auto wrong = decode_service(service(c.spec));
    ASSERT_FALSE(wrong) << c.spec;
    EXPECT_THAT(wrong.error().message, HasSubstr(c.why));
  }
  EXPECT_FALSE(decode_service("[]"));
}

}  // namespace
}  // namespace kubecliff::canary
