#include "collectors/inventory/names.h"

#include <netinet/in.h>

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace kubecliff::inventory {
namespace {

TEST(NameInComment, IsWhatComesBeforeTheFirstBlank) {
  EXPECT_EQ(name_in_comment("default/kubernetes:https cluster IP"), "default/kubernetes:https");
  EXPECT_EQ(name_in_comment("kube-system/kube-dns:dns has no endpoints"),
            "kube-system/kube-dns:dns");
  EXPECT_EQ(name_in_comment("ns/unnamed"), "ns/unnamed");
}

TEST(NameInComment, IsNoneWhereThereIsNoNamespace) {
  for (const std::string_view comment :
       {"", "kubernetes service portals", "/x cluster IP", "x/ cluster IP", " a/b"}) {
    EXPECT_EQ(name_in_comment(comment), "") << comment;
  }
}

TEST(NameInComment, IsBytesAsTheyAreAndNotLong) {
  EXPECT_EQ(name_in_comment("a/\x01\xff\x1b[31m b"), "a/\x01\xff\x1b[31m");
  EXPECT_EQ(name_in_comment("a/" + std::string(300, 'x')).size(), kLongestName);
}

TEST(NameInChain, IsNamespaceNameAndPort) {
  EXPECT_EQ(name_in_chain("service-2QRHZV4L-default/kubernetes/tcp/https").name,
            "default/kubernetes:https");
  EXPECT_EQ(name_in_chain("service-2QRHZV4L-default/kubernetes/tcp/https").protocol, IPPROTO_TCP);
  EXPECT_EQ(name_in_chain("local-ABCDEFGH-a-b/c-d/udp/e-f").name, "a-b/c-d:e-f");
  EXPECT_EQ(name_in_chain("local-ABCDEFGH-a-b/c-d/udp/e-f").protocol, IPPROTO_UDP);
  EXPECT_EQ(name_in_chain("endpoint-5OJB2KTY-ns1/svc1/sctp/p80__10.180.0.1/80").name,
            "ns1/svc1:p80");
  EXPECT_EQ(name_in_chain("endpoint-5OJB2KTY-ns1/svc1/sctp/p80__10.180.0.1/80").protocol,
            IPPROTO_SCTP);
  EXPECT_EQ(name_in_chain("external-ABCDEFGH-ns/unnamed/tcp/").name, "ns/unnamed");
}

TEST(NameInChain, IsNoneOfOtherChains) {
  for (const std::string_view chain : {"", "services", "service-endpoints-check", "service-X-a/b",
                                       "service-X-/b/tcp/p", "service-X-a/b/tcp", "a/b/c/d"}) {
    EXPECT_EQ(name_in_chain(chain).name, "") << chain;
  }
}

}  // namespace
}  // namespace kubecliff::inventory
