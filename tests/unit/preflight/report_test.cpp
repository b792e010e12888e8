#include "exporter/preflight/report.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kubecliff::preflight {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

Report report_of(Checks checks) {
  Report report{.target = Target::nftables, .facts = {}, .checks = std::move(checks)};
  report.facts.node = "worker-1";
  report.facts.kernel = "6.1.0";
  report.facts.mode = "iptables-nft";
  return report;
}

TEST(ToText, PutsTheWorstFirstAndTheVerdictLast) {
  const Report report = report_of({
      {"mode", Outcome::ok, "iptables-nft", ""},
      {"node-ports", Outcome::ok, "none", ""},
      {"kernel", Outcome::blocked, "5.10.0; too old", "take a newer kernel"},
      {"size", Outcome::note, "large", ""},
      {"conflict/leftovers", Outcome::warning, "leftovers", "clean up first"},
      {"module/nft_nat", Outcome::unknown, "not loaded", "look there"},
  });
  EXPECT_EQ(to_text(report),
            "kubecliff preflight: node worker-1, from iptables-nft to nftables\n"
            "\n"
            "BLOCKED  kernel\n"
            "         5.10.0; too old\n"
            "         -> take a newer kernel\n"
            "UNKNOWN  module/nft_nat\n"
            "         not loaded\n"
            "         -> look there\n"
            "warning  conflict/leftovers\n"
            "         leftovers\n"
            "         -> clean up first\n"
            "note     size\n"
            "         large\n"
            "ok       mode        iptables-nft\n"
            "ok       node-ports  none\n"
            "\n"
            "Blocked: do not move this node to nftables yet. See kernel.\n");
}

TEST(ToText, SaysWhatToDoWithTheVerdict) {
  EXPECT_THAT(to_text(report_of({{"mode", Outcome::ok, "x", ""}})),
              HasSubstr("\nReady: this node can be moved to nftables.\n"));
  EXPECT_THAT(to_text(report_of({{"size", Outcome::warning, "x", "y"}})),
              HasSubstr("\nReady: this node can be moved to nftables; look first at size.\n"));
  EXPECT_THAT(to_text(report_of({{"mode", Outcome::unknown, "x", "y"}})),
              HasSubstr("is ready for nftables cannot be told. See mode.\n"));
}

TEST(ToText, StaysInItsColumns) {
  std::string words;
  for (int i = 0; i < 60; ++i) {
    words += "word" + std::to_string(i) + " ";
  }
  const std::string text = to_text(report_of(
      {{"a/rather/long/name", Outcome::warning, words, words}, {"b", Outcome::ok, words, ""}}));
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_THAT(line, Not(testing::EndsWith(" ")));
  }
}

TEST(ToText, LetsNothingForeignReachTheTerminal) {
  Report report = report_of({{"kube-proxy/mode", Outcome::note,
                              "\x1b]0;owned\x07 10.0.0.0/8\nok  kernel  fine \xff\xc2\x9b", "\r"}});
  report.facts.node = "a\x1b[2J";
  const std::string text = to_text(report);
  EXPECT_TRUE(std::ranges::all_of(
      text, [](char byte) { return byte == '\n' || (byte >= ' ' && byte <= '~'); }));
  EXPECT_THAT(text, HasSubstr("?]0;owned? 10.0.0.0/8?ok kernel fine ???"));
  EXPECT_THAT(to_text(report_of({{"unread", Outcome::warning, std::string(5'000, 'x'), "y"}})),
              HasSubstr("xxx..."));
}

TEST(ToJson, HasTheVerdictFirstAndEveryCheck) {
  Report report = report_of({{"mode", Outcome::ok, "iptables-nft", ""},
                             {"kernel", Outcome::blocked, "a \"quoted\" \n word", "do this"}});
  report.exit_code = 1;
  report.facts.kube_proxy.version = "v1.31.0";
  const std::string text = to_json(report);
  EXPECT_TRUE(text.starts_with("{\n  \"verdict\": \"blocked\",")) << text;
  EXPECT_TRUE(text.ends_with("}\n"));
  const json expected = {
      {"verdict", "blocked"},
      {"exit_code", 1},
      {"target", "nftables"},
      {"node", "worker-1"},
      {"mode", "iptables-nft"},
      {"kernel", "6.1.0"},
      {"kube_proxy", {{"version", "v1.31.0"}, {"mode", nullptr}}},
      {"checks",
       {{{"id", "kernel"},
         {"outcome", "blocked"},
         {"found", "a \"quoted\" ? word"},
         {"advice", "do this"}},
        {{"id", "mode"}, {"outcome", "ok"}, {"found", "iptables-nft"}, {"advice", ""}}}}};
  EXPECT_EQ(json::parse(text), expected);
}

TEST(ToJson, WhatIsNotKnownIsNull) {
  const json found = json::parse(to_json(Report{}));
  EXPECT_EQ(found["verdict"], "ready");
  EXPECT_TRUE(found["mode"].is_null());
  EXPECT_TRUE(found["kube_proxy"]["version"].is_null());
  EXPECT_TRUE(found["checks"].empty() && found["checks"].is_array());
}

}  // namespace
}  // namespace kubecliff::preflight
