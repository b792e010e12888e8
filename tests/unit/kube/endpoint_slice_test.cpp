#include "collectors/kube/endpoint_slice.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "collectors/kube/lines.h"
#include "tests/support/result_matchers.h"

namespace kubecliff::kube {
namespace {

using testing::ElementsAre;
using testing::Pair;
using namespace kubecliff::test;

TEST(DecodeDiscovery, PrefersTheNewerVersionThatIsSpokenHere) {
  EXPECT_EQ(decode_discovery(R"({"versions":[{"version":"v1"},{"version":"v1beta1"}]})"), "v1");
  EXPECT_EQ(decode_discovery(R"({"versions":[{"version":"v1beta1"},{"version":"v1"}]})"), "v1");
  EXPECT_EQ(decode_discovery(R"({"versions":[{"version":"v1beta1"}]})"), "v1beta1");
  for (const std::string json :
       {R"({"versions":[{"version":"v2"}]})", R"({"versions":"v1"})", "{}"}) {
    const auto version = decode_discovery(json);
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().kind, ErrorKind::unavailable);
  }
}

// As kube-apiserver 1.20 sent it.
constexpr std::string_view kModified =
    R"({"type":"MODIFIED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1beta1",)"
    R"("metadata":{"name":"kubecliff-canary-ipv4","namespace":"kube-system","uid":"1","resourceVersion":"417",)"
    R"("generation":3,"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"kubernetes.io/service-name":"c"},)"
    R"("annotations":{"kubecliff.io/generation":"17"},"managedFields":[]},"addressType":"IPv4",)"
    R"("endpoints":[{"addresses":["10.244.0.11"],"conditions":{"ready":true}}],)"
    R"("ports":[{"name":"","protocol":"TCP","port":10301}]}})";

TEST(DecodeWatchEvent, TellsWhatHappened) {
  const auto modified = decode_watch_event(kModified);
  ASSERT_THAT(modified, has_value());
  EXPECT_EQ(modified->kind, WatchEvent::Kind::present);
  EXPECT_EQ(modified->slice.resource_version, "417");
  EXPECT_THAT(modified->slice.annotations, ElementsAre(Pair("kubecliff.io/generation", "17")));

  const auto kind = [](const std::string& type) {
    const auto event = decode_watch_event(R"({"type":")" + type +
                                          R"(","object":{"metadata":{"resourceVersion":"5"}}})");
    return event ? event->kind : WatchEvent::Kind::error;
  };
  EXPECT_EQ(kind("ADDED"), WatchEvent::Kind::present);
  EXPECT_EQ(kind("DELETED"), WatchEvent::Kind::deleted);
  EXPECT_EQ(kind("BOOKMARK"), WatchEvent::Kind::bookmark);

  const auto gone = decode_watch_event(
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version"}})");
  ASSERT_THAT(gone, has_value());
  EXPECT_EQ(gone->kind, WatchEvent::Kind::error);
  EXPECT_EQ(gone->code, 410);
  EXPECT_EQ(gone->message, "too old resource version");
}

TEST(DecodeWatchEvent, WhatIsWrongIsNotTakenForAnEvent) {
  for (const std::string line :
       {"", "[]", "null", "{", "{}", R"({"type":"MODIFIED"})", R"({"type":"MODIFIED","object":[]})",
        R"({"type":"MODIFIED","object":{"metadata":{"resourceVersion":5}}})",
        R"({"type":"RENAMED","object":{"metadata":{"resourceVersion":"5"}}})"}) {
    const auto event = decode_watch_event(line);
    ASSERT_FALSE(event) << line;
    EXPECT_EQ(event.error().kind, ErrorKind::malformed);
  }
  // Annotations of other types are none.
  const auto event = decode_watch_event(
      R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"5","annotations":{"a":1}}}})");
  ASSERT_THAT(event, has_value());
  EXPECT_THAT(event->slice.annotations, ElementsAre(Pair("a", "")));
}

TEST(DecodeSliceList, HasTheVersionToWatchFromAndTheSliceIfThereIsOne) {
  const auto none = decode_slice_list(R"({"metadata":{"resourceVersion":"9"},"items":[]})");
  ASSERT_THAT(none, has_value());
  EXPECT_EQ(none->resource_version, "9");
  EXPECT_FALSE(none->slice);
  const auto one = decode_slice_list(
      R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"resourceVersion":"7"}}]})");
  ASSERT_THAT(one, has_value());
  EXPECT_EQ(one->slice.value_or(ReadSlice{}).resource_version, "7");
  EXPECT_FALSE(decode_slice_list(R"({"items":[]})"));
}

TEST(EncodeSlice, IsWhatTheApiServerTakes) {
  const auto json = nlohmann::json::parse(encode({.version = "v1",
                                                  .name_space = "tests",
                                                  .name = "c-ipv6",
                                                  .service = "c",
                                                  .family = AddressFamily::ipv6,
                                                  .address = "fd00::1",
                                                  .port_name = "echo",
                                                  .port = 10'301,
                                                  .annotations = {{"a", "\"b\""}}}));
  EXPECT_EQ(json, nlohmann::json::parse(R"({
    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv6",
    "metadata": {"name": "c-ipv6", "namespace": "tests", "annotations": {"a": "\"b\""},
      "labels": {"kubernetes.io/service-name": "c",
                 "endpointslice.kubernetes.io/managed-by": "kubecliff"}},
    "ports": [{"name": "echo", "port": 10301, "protocol": "TCP"}],
    "endpoints": [{"addresses": ["fd00::1"], "conditions": {"ready": true}}]})"));
}

TEST(LinesTest, AreTheSameHoweverTheStreamIsCut) {
  const std::string stream = "one\n\ntwo\nthree";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    Lines lines;
    std::vector<std::string> found;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      ASSERT_TRUE(lines.feed(std::string_view{stream}.substr(at, step), [&](std::string_view line) {
        found.emplace_back(line);
        return true;
      }));
    }
    EXPECT_THAT(found, ElementsAre("one", "two"));
  }
}

TEST(LinesTest, OneWithoutAnEndIsNotKept) {
  Lines lines;
  const std::string piece(64 * 1'024, 'x');
  bool good = true;
  std::size_t fed = 0;
  for (; good && fed < 10 * Lines::kMostLine; fed += piece.size()) {
    good = lines.feed(piece, [](std::string_view) { return true; });
  }
  EXPECT_FALSE(good);
  EXPECT_LE(fed, Lines::kMostLine + 2 * piece.size());
}

}  // namespace
}  // namespace kubecliff::kube
