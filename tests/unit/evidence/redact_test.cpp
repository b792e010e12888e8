#include "exporter/evidence/redact.h"

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kubecliff::evidence {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Redactor, AddressesKeepTheirFamilyAndKindOfNetwork) {
  Redactor redactor;
  for (const auto& [text, redacted] :
       {std::pair<std::string_view, std::string_view>{"10.96.0.7", "IPV4-PRIVATE-1"},
        {"172.16.1.1:443", "IPV4-PRIVATE-2:443"},
        {"192.168.0.0/16", "IPV4-PRIVATE-3/16"},
        {"100.64.0.1", "IPV4-SHARED-1"},
        {"169.254.169.254", "IPV4-LINK-LOCAL-1"},
        {"224.0.0.1", "IPV4-MULTICAST-1"},
        {"8.8.8.8.", "IPV4-PUBLIC-1."},
        {"fd00::1", "IPV6-PRIVATE-1"},
        {"[fd00::1]:80", "[IPV6-PRIVATE-1]:80"},
        {"FD00:0:0:0:0:0:0:1", "IPV6-PRIVATE-1"},
        {"fe80::a%eth0", "IPV6-LINK-LOCAL-1%eth0"},
        {"2001:4860:4860::8888/64", "IPV6-PUBLIC-1/64"},
        {"ff02::1", "IPV6-MULTICAST-1"},
        {"::ffff:10.96.0.7", "::ffff:IPV4-PRIVATE-1"},
        {"aa:bb:cc:dd:ee:ff", "MAC-1"},
        {"src=10.96.0.7 dst=8.8.8.8", "src=IPV4-PRIVATE-1 dst=IPV4-PUBLIC-1"},
        {"p80__10.96.0.7/80", "p80__IPV4-PRIVATE-1/80"},
        {"ip-10-96-0-7.internal", "ip-IPV4-PRIVATE-1.internal"},
        {"MAC=aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:08:00 SRC", "MAC=MAC-2 SRC"}}) {
    EXPECT_EQ(redactor.apply(text), redacted);
  }
}

TEST(Redactor, WhatIsNoAddressStays) {
  Redactor redactor;
  for (const std::string_view text :
       {"127.0.0.1:10249", "0.0.0.0/0", "::", "[::1]:80", "255.255.255.0", "12:34:56", "1.2.3",
        "6.18.44-fc", "2026-11-22T22:05:00Z", "kubecliff::evidence", "a:b:c", "10.0.0", "1.25e-05",
        "300.1.2.3"}) {
    EXPECT_EQ(redactor.apply(text), text);
  }
}

TEST(Redactor, NamesOfAServiceAreTheSameTokenEverywhere) {
  Redactor redactor;
  redactor.learn("shop/cart:web-port cluster IP");
  EXPECT_EQ(
      redactor.apply("shop/cart:web-port has no endpoints; cart.shop.svc, not cartoon"),
      "NAMESPACE-1/SERVICE-1:PORT-1 has no endpoints; SERVICE-1.NAMESPACE-1.svc, not cartoon");
  redactor.learn("shop/orders");
  EXPECT_EQ(redactor.apply("{\"name\":\"shop/orders\"}"), "{\"name\":\"NAMESPACE-1/SERVICE-2\"}");
}

TEST(Redactor, ObjectsOfNftablesKeepTheirRole) {
  Redactor redactor;
  redactor.learn("service-ULMVA6XW-shop/cart/tcp/p80");
  EXPECT_EQ(redactor.apply("goto endpoint-5OJB2KTY-shop/cart/tcp/p80__10.180.0.1/80"),
            "goto endpoint-HASH-1-NAMESPACE-1/SERVICE-1/tcp/PORT-1__IPV4-PRIVATE-1/80");
  EXPECT_EQ(redactor.apply("service-ULMVA6XW-shop/cart/tcp/p80"),
            "service-HASH-2-NAMESPACE-1/SERVICE-1/tcp/PORT-1");
}

// The hash is one of the Service's name, which can be guessed.
TEST(Redactor, HashesOfChainsAreReplaced) {
  Redactor redactor;
  EXPECT_EQ(redactor.apply("-j KUBE-SVC-ERIFXISQEP7F7OF4"), "-j KUBE-SVC-HASH-1");
  EXPECT_EQ(redactor.apply("KUBE-EXT-ERIFXISQEP7F7OF4 KUBE-FW-AAAAAAAAAAAAAAAA"),
            "KUBE-EXT-HASH-1 KUBE-FW-HASH-2");
  EXPECT_EQ(redactor.apply("KUBE-SERVICES KUBE-MARK-MASQ"), "KUBE-SERVICES KUBE-MARK-MASQ");
}

TEST(Redactor, IdsOfPodsAndContainersAreReplaced) {
  Redactor redactor;
  EXPECT_EQ(redactor.apply("/kubepods/pod01234567-89ab-cdef-0123-456789abcdef/"
                           "cri-containerd-0123456789abcdef0123456789abcdef.scope"),
            "/kubepods/podID-1/cri-containerd-ID-2.scope");
}

TEST(Redactor, WordsOfWhatOthersWroteAreNames) {
  Redactor redactor;
  redactor.learn("acme corp: drop what the intruder sends");
  const std::string redacted = redactor.apply("acme corp: drop what the intruder sends");
  for (const std::string_view word : {"acme", "corp", "intruder"}) {
    EXPECT_THAT(redacted, Not(HasSubstr(word)));
  }
  EXPECT_THAT(redacted, HasSubstr("drop"));
}

TEST(Redactor, TheNodesNameIsFoundInLongerWords) {
  Redactor redactor;
  redactor.learn_node("worker-7.prod.acme.example");
  EXPECT_EQ(redactor.apply("worker-7 worker-7.prod.acme.example pod-worker-7-x worker-70"),
            "NODE-1 NODE-1 pod-NODE-1-x worker-70");
  EXPECT_THAT(redactor.apply("registry.acme.example"), Not(HasSubstr("acme")));
}

TEST(Redactor, KeysAndNamesOfMetricsStay) {
  Redactor redactor;
  redactor.keep_json_keys("{\"packets\":1,\"bytes\":2}");
  redactor.keep_metric_names(
      "# HELP kubecliff_x Of all targets.\nkubecliff_x{target=\"cart\"} 1\n");
  redactor.learn("packets/targets:target");
  redactor.learn("kubecliff_x/cart");
  EXPECT_EQ(redactor.apply("{\"packets\":1}"), "{\"packets\":1}");
  EXPECT_EQ(redactor.apply("kubecliff_x{target=\"cart\"} 1"),
            "kubecliff_x{target=\"SERVICE-1\"} 1");
}

// What somebody wrote may look like a key.
TEST(Redactor, AValueIsNoKey) {
  Redactor redactor;
  redactor.keep_json_keys(R"({"comment":"the acme\":1"})");
  redactor.learn("acme");
  redactor.keep_json_keys(R"({"list":["x","acme\":1"]})");
  EXPECT_THAT(redactor.apply("acme"), Not(HasSubstr("acme")));
}

TEST(Redactor, ALongTextIsTheSameInPieces) {
  Redactor redactor;
  redactor.learn("shop/cart");
  std::string text;
  std::string expected;
  for (int i = 0; i < 50'000; ++i) {
    text += "shop/cart at 10.96.0.7\n";
    expected += "NAMESPACE-1/SERVICE-1 at IPV4-PRIVATE-1\n";
  }
  EXPECT_EQ(redactor.apply(text) == expected, true);
  const std::string line(1'000'000, 'x');
  EXPECT_EQ(redactor.apply(line) == line, true);
}

}  // namespace
}  // namespace kubecliff::evidence
