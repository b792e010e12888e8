#include "exporter/evidence/redact.h"

#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/evidence/redact_file.h"

namespace kubecliff::evidence {
namespace {

using testing::AllOf;
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

// Devices of pods, too: cali and a SHA-1 of NAMESPACE.POD.
TEST(Redactor, HashesOfPodsAreReplaced) {
  Redactor redactor;
  EXPECT_EQ(redactor.apply("-i cali0123456789a -j cali-tw-cali0123456789a cali-fw-cali0123456789b "
                           "net.cali0123456789a.rp"),
            "-i caliHASH-1 -j cali-tw-caliHASH-1 cali-fw-caliHASH-2 net.caliHASH-1.rp");
  EXPECT_EQ(redactor.apply("KUBE-POD-FW-AAAAAAAAAAAAAAAA KUBE-NWPLCY-BBBBBBBBBBBBBBBB"),
            "KUBE-POD-FW-HASH-3 KUBE-NWPLCY-HASH-4");
  redactor.learn("zebracorp-cali0123456789a KUBE-SVC-ZEBRACORP");
  EXPECT_EQ(redactor.apply("-i cali+ zebracorp-cali0123456789a KUBE-SVC-ZEBRACORP"),
            "-i cali+ NAME-1 NAME-2");
}

// Of kube-proxy's objects alone the first word is no name.
TEST(Redactor, WordsBesideCapitalsAreNames) {
  Redactor redactor;
  redactor.learn_node("gw1");
  redactor.learn(
      "zebracorp-FIREWALL-in zebracorp/prod:zebracorp-INTERNAL-db zebracorp/orders-23572345-blue "
      "service-INTERNAL-zebracorp");
  for (const std::string_view text :
       {"zebracorp-FIREWALL-in", "zebracorp-INTERNAL-db", "orders-23572345-blue",
        "service-INTERNAL-zebracorp", "gw1-FIREWALL-x"}) {
    EXPECT_THAT(redactor.apply(text), AllOf(Not(HasSubstr("zebracorp")), Not(HasSubstr("orders")),
                                            Not(HasSubstr("gw1"))));
  }
}

TEST(Redactor, UnderlinesNeedNotStandBeforeAnEndpoint) {
  Redactor redactor;
  redactor.learn("zebra_corp__shop/primary zebra_co__web/tcp/x_y__z__10.0.0.1/80");
  for (const std::string_view text :
       {"zebra_corp__shop", "zebra_corp", "zebra_co__web", "x_y__z__10.0.0.1"}) {
    EXPECT_THAT(redactor.apply(text), AllOf(Not(HasSubstr("zebra")), Not(HasSubstr("x_y"))));
  }
}

TEST(Redactor, TheKernelsReleaseIsNoAddress) {
  Redactor redactor;
  redactor.keep_release("5.15.0-102.110.5.1.el9uek.x86_64");
  redactor.keep_release("6.1.0+zebracorp");
  redactor.keep_release("10.1.2.3");
  redactor.learn("zebracorp");
  EXPECT_EQ(redactor.apply("Linux 5.15.0-102.110.5.1.el9uek.x86_64 6.1.0+zebracorp 10.1.2.3"),
            "Linux 5.15.0-102.110.5.1.el9uek.x86_64 6.1.0+NAME-1 IPV4-PRIVATE-1");
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

TEST(RedactFile, KeysAndNamesOfMetricsStay) {
  Redactor redactor;
  redactor.learn("state/target:kubecliff_x");
  redactor.learn("zebracorp");
  EXPECT_EQ(
      redact_file("x.jsonl", "{\"state\": \"state\"}\n{\"target\":[\"a\",10,1e5]}\n", redactor),
      "{\"state\": \"NAMESPACE-1\"}\n{\"target\":[\"a\",10,1e5]}\n");
  EXPECT_EQ(redact_file("metrics.txt",
                        "# HELP kubecliff_x Of the target.\n"
                        "kubecliff_x{target=\"target\",a=\"\\\\zebracorp\\n\\\"\"} 1.5e+06\n"
                        "kubecliff_x 1\nzebracorp {says=\"zebracorp\"}\n",
                        redactor),
            "# HELP kubecliff_x Of the target.\n"
            "kubecliff_x{target=\"SERVICE-1\",a=\"\\\\NAME-1\\n\\\"\"} 1.5e+06\n"
            "kubecliff_x 1\nNAME-1 {says=\"NAME-1\"}\n");
}

// What somebody wrote may look like a key.
TEST(RedactFile, AValueIsNoKey) {
  Redactor redactor;
  redactor.learn("zebracorp");
  EXPECT_EQ(
      redact_file("x.json", R"({"comment":"the zebracorp\":1","x":["\\","zebracorp\u00e9:"]})",
                  redactor),
      "{\"comment\":\"the NAME-1\\\":1\",\"x\":[\"\\\\\",\"zebracorp\xc3\xa9:\"]}");
  EXPECT_EQ(redact_file("x.jsonl", "no JSON of zebracorp", redactor), "no JSON of NAME-1");
}

// Or the reports could not be read, which have more of them.
TEST(Redactor, ATimeInACommentIsNoName) {
  Redactor redactor;
  redactor.learn("blocked 2026-11-22T21:50:03Z");
  EXPECT_EQ(redactor.apply("2026-11-22T21:51:03Z"), "2026-11-22T21:51:03Z");
}

// The longest first: what was learned may have the node's name or an address in it.
TEST(Redactor, NamesWithAddressesAndNodesInThemAreWhole) {
  Redactor redactor;
  redactor.learn_node("gw1");
  redactor.learn("zebracorp-three-10.1.2.3 shop/zebracorp-gw1-metrics:http zebracorp_9__fd00..1");
  EXPECT_EQ(
      redactor.apply("zebracorp-three-10.1.2.3 zebracorp-gw1-metrics.shop zebracorp_9__fd00..1"),
      "NAME-1 SERVICE-1.NAMESPACE-1 NAME-3");
  EXPECT_EQ(redactor.apply("x-zebracorp-three-10.9.9.9"), "x-NAME-2-IPV4-PRIVATE-1");
}

TEST(Redactor, NamesBesideAddressesAreLearned) {
  Redactor redactor;
  redactor.learn("10.1.2.3/zebracorp-one 10.1.2.3:zebracorp-two fd00::1/zebracorp-three x-fd00::2");
  for (const std::string_view text :
       {"zebracorp-one", "zebracorp-two", "zebracorp-three", "10.1.2.3:zebracorp-two",
        "fd00::1:zebracorp-three", "x-fd00::2"}) {
    EXPECT_THAT(redactor.apply(text), AllOf(Not(HasSubstr("zebra")), Not(HasSubstr("fd00"))));
  }
}

TEST(Redactor, NamesAfterAPrefixAreFound) {
  Redactor redactor;
  redactor.learn("pri-kns.zebracorp-ns zebracorp");
  EXPECT_EQ(redactor.apply("cali-pri-kns.zebracorp-ns DOCKER_zebracorp"),
            "cali-NAME-1 DOCKER_NAME-2");
}

TEST(Redactor, EndpointsOfIpv6InChainsOfNftables) {
  Redactor redactor;
  const std::string_view chain = "endpoint-5OJB2KTY-shop/cart/tcp/http__fd00.aaaa.bbbb..7/8080";
  redactor.learn(chain);
  EXPECT_EQ(redactor.apply("fd00:aaaa:bbbb::7"), "IPV6-PRIVATE-1");
  EXPECT_EQ(redactor.apply(chain),
            "endpoint-HASH-1-NAMESPACE-1/SERVICE-1/tcp/http__IPV6-PRIVATE-1/8080");
  EXPECT_EQ(redactor.apply("tcp/__fd00.aaaa../80"), "tcp/__IPV6-PRIVATE-2/80");
}

TEST(Redactor, ANodesNameNeedsNoLetters) {
  Redactor redactor;
  redactor.learn_node("10-1-2-3");
  EXPECT_EQ(redactor.apply("pod-10-1-2-3 10-1-2-3"), "pod-NODE-1 NODE-1");
  Redactor another;
  another.learn_node("7");
  EXPECT_EQ(another.apply("dport=7"), "dport=7");
  Redactor capitals;
  capitals.learn_node("GW1.Zebracorp");
  EXPECT_EQ(capitals.apply("gw1 gw1.zebracorp GW1.Zebracorp"), "NODE-1 NODE-1 NODE-1");
}

TEST(Redactor, AddressesWithoutEndAreTaken) {
  Redactor redactor;
  std::string text;
  for (int i = 0; i < 100'000; ++i) {
    text += "10.1.2.3-";
  }
  EXPECT_THAT(redactor.apply(text), Not(HasSubstr("10.1.2.3-10.1.2.3-10.1.2.3")));
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
