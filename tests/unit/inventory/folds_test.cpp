// What the folds make of rules that no kube-proxy writes.
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/inventory/iptables_fold.h"
#include "collectors/inventory/nftables_fold.h"
#include "tests/support/nft_messages.h"
#include "tests/support/service_keys.h"

namespace kubecliff::inventory {
namespace {

using iptables::Target;
using test::address_bytes;

constexpr std::string_view kSvc = "KUBE-SVC-AAAAAAAAAAAAAAAA";
constexpr std::string_view kSvl = "KUBE-SVL-AAAAAAAAAAAAAAAA";
constexpr std::string_view kSep = "KUBE-SEP-BBBBBBBBBBBBBBBB";

class IptablesFoldTest : public ::testing::Test {
 protected:
  void dispatch(std::string_view chain, std::string_view comment) {
    fold_.begin_chain("KUBE-SERVICES");
    fold_.add({.target = Target::chain,
               .chain = chain,
               .packets = 7,
               .destination = {.address = service_,
                               .port = 80,
                               .protocol = IPPROTO_TCP,
                               .hosts = Destination::Hosts::one},
               .address_size = 4,
               .comment = comment});
  }
  void choose(std::string_view chain, std::string_view endpoint) {
    fold_.begin_chain(chain);
    fold_.add({.target = Target::chain, .chain = endpoint});
  }
  void translate(std::string_view chain, std::uint16_t port) {
    fold_.begin_chain(chain);
    fold_.add({.target = Target::dnat,
               .packets = 5,
               .translation = {.address = endpoint_, .port = port}});
  }
  Service only() {
    Services services;
    fold_.finish(services);
    EXPECT_EQ(services.services.size(), 1U);
    return services.services.empty() ? Service{} : services.services[0];
  }

  std::vector<std::byte> service_ = address_bytes("10.96.0.1");
  std::vector<std::byte> endpoint_ = address_bytes("10.0.0.1");
  IptablesFold fold_{Dataplane::iptables_legacy, AddressFamily::ipv4, 10};
};

TEST_F(IptablesFoldTest, TakesChainsInAnyOrder) {
  translate(kSep, 8'080);
  choose(kSvc, kSep);
  dispatch(kSvc, "a/b:c cluster IP");
  const Service service = only();
  EXPECT_EQ(service.name, "a/b:c");
  EXPECT_EQ(service.rules, 3U);
  EXPECT_EQ(service.packets, 7U);
  EXPECT_TRUE(service.clear);
  ASSERT_EQ(service.endpoints.size(), 1U);
  EXPECT_EQ(text(service.endpoints[0].address, service.endpoints[0].port), "10.0.0.1:8080");
  EXPECT_EQ(service.endpoints[0].packets, 5U);
}

TEST_F(IptablesFoldTest, LeavesOutChainsThatNothingLeadsTo) {
  choose(kSvc, kSep);
  translate(kSep, 8'080);
  Services services;
  fold_.finish(services);
  EXPECT_TRUE(services.services.empty());
}

TEST_F(IptablesFoldTest, IsNotClearWhereTheChainIsGone) {
  dispatch(kSvc, "a/b:c cluster IP");
  EXPECT_FALSE(only().clear);
}

TEST_F(IptablesFoldTest, IsNotClearWhereAnEndpointIsNotUnderstood) {
  dispatch(kSvc, "a/b:c cluster IP");
  choose(kSvc, kSep);
  translate(kSep, 0);
  const Service service = only();
  EXPECT_FALSE(service.clear);
  EXPECT_EQ(service.endpoint_count, 1U);
  EXPECT_TRUE(service.endpoints.empty());
}

TEST_F(IptablesFoldTest, IsNotClearWhereAnEndpointIsTranslatedTwice) {
  dispatch(kSvc, "a/b:c cluster IP");
  choose(kSvc, kSep);
  translate(kSep, 80);
  translate(kSep, 81);
  EXPECT_FALSE(only().clear);
}

TEST_F(IptablesFoldTest, DoesNotKnowTheSharesWhereSomeTrafficStaysOnTheNode) {
  dispatch(kSvc, "a/b:c cluster IP");
  choose(kSvc, kSep);
  choose(kSvl, kSep);
  translate(kSep, 80);
  const Service service = only();
  EXPECT_EQ(service.shares, Shares::unknown);
  EXPECT_EQ(service.endpoint_count, 1U);
  EXPECT_EQ(service.rules, 4U);
}

TEST_F(IptablesFoldTest, IsUnnamedWithoutAComment) {
  dispatch(kSvc, "");
  choose(kSvc, kSep);
  translate(kSep, 80);
  EXPECT_EQ(only().name, "");
}

TEST_F(IptablesFoldTest, IsBounded) {
  for (int i = 0; i < 20; ++i) {
    std::string chain{kSvc};
    chain.back() = static_cast<char>('A' + i);
    dispatch(chain, "a/b:c cluster IP");
  }
  Services services;
  fold_.finish(services);
  EXPECT_EQ(services.services.size(), 10U);
  EXPECT_TRUE(services.cut);
  EXPECT_EQ(services.addresses.size(), 10U);
}

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span{text});
}

class NftablesFoldTest : public ::testing::Test {
 protected:
  static constexpr std::string_view kChain = "service-ABCDEFGH-a/b/tcp/c";

  // `numgen random mod COUNT map @__map0`, in the Service's chain.
  void choose(std::uint32_t count) {
    test::MessageBuilder number{0};
    number.be32(NFTA_NG_MODULUS, count);
    test::MessageBuilder lookup{0};
    lookup.attribute(NFTA_LOOKUP_SET, bytes_of("__map0"));
    const test::ByteVector bytes =
        test::nft_rule({.expressions = {test::nft_expression("numgen", number.payload()),
                                        test::nft_expression("lookup", lookup.payload())}},
                       1);
    netlink::Messages messages{bytes};
    netlink::Message message;
    ASSERT_TRUE(messages.next(message));
    fold_.begin_chain(kChain);
    fold_.add_rule(message);
    ASSERT_EQ(fold_.choices().size(), 1U);
    EXPECT_EQ(fold_.choices()[0].map, "__map0");
  }
  // An element of a map of Services.
  [[nodiscard]] nftables::Element element(std::string_view chain, std::string_view comment = {}) {
    key_ = address_bytes("10.96.0.1");
    for (const int byte : {int{IPPROTO_TCP}, 0, 0, 0, 0, 80, 0, 0}) {
      key_.push_back(static_cast<std::byte>(byte));
    }
    return {.key = key_, .chain = chain, .comment = comment};
  }
  Services finish() {
    Services services;
    fold_.finish(services);
    return services;
  }

  std::vector<std::byte> key_;
  NftablesFold fold_{AddressFamily::ipv4, 10};
};

TEST_F(NftablesFoldTest, KnowsTheNumberOfEndpointsThatWereNotRead) {
  choose(7);
  fold_.leave_out(fold_.choices()[0]);
  fold_.add_dispatch("service-ips", element(kChain));
  const Services services = finish();
  ASSERT_EQ(services.services.size(), 1U);
  EXPECT_EQ(services.services[0].name, "a/b:c");
  EXPECT_EQ(services.services[0].endpoint_count, 7U);
  EXPECT_TRUE(services.services[0].endpoints.empty());
  EXPECT_FALSE(services.services[0].clear);
}

TEST_F(NftablesFoldTest, IsNotClearWhereAValueIsNotUnderstood) {
  choose(1);
  fold_.add_endpoint(fold_.choices()[0], {.key = {}, .value = bytes_of("x")});
  fold_.add_dispatch("service-ips", element(kChain));
  const Services services = finish();
  ASSERT_EQ(services.services.size(), 1U);
  EXPECT_FALSE(services.services[0].clear);
}

TEST_F(NftablesFoldTest, NamesWhatIsRefusedByItsComment) {
  fold_.add_dispatch("no-endpoint-services", element({}, "a/\x1b[31m:c"));
  const Services services = finish();
  ASSERT_EQ(services.services.size(), 1U);
  EXPECT_EQ(services.services[0].name, "a/\x1b[31m:c");
  EXPECT_EQ(services.services[0].endpoint_count, 0U);
  EXPECT_TRUE(services.services[0].clear);
  EXPECT_EQ(text(services.services[0].address, services.services[0].port), "10.96.0.1:80");
}

TEST_F(NftablesFoldTest, LeavesOutWhatLeadsElsewhere) {
  fold_.add_dispatch("service-ips", element("mark-for-masquerade"));
  fold_.add_dispatch("service-ips", {.key = bytes_of("x"), .chain = kChain});
  EXPECT_TRUE(finish().services.empty());
}

}  // namespace
}  // namespace kubecliff::inventory
