#include "exporter/evidence/bundle.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/sha.h>

#include "exporter/evidence/json_lines.h"
#include "tests/support/result_matchers.h"
#include "tests/unit/evidence/unpacked.h"

namespace kubecliff::evidence {
namespace {

using nlohmann::json;
using test::has_value;
using test::unpack;
using test::Unpacked;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::string_view kNode = "worker-7";

BundleFace face() {
  return {.folder = "evidence",
          .created = "2026-11-22T22:05:00Z",
          .node = std::string{kNode},
          .version = "kubecliff 1.2.3",
          .time = 1'700'000'000};
}

Unpacked written(Bundle& bundle) {
  std::string bytes;
  const Result<void> done = bundle.write([&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  });
  EXPECT_THAT(done, has_value());
  return unpack(bytes);
}

std::string sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  std::string hex;
  for (const unsigned char byte : digest) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    hex += kDigits[byte / 16];
    hex += kDigits[byte % 16];
  }
  return hex;
}

TEST(Bundle, TheManifestHasEveryFileWithItsHash) {
  Bundle bundle{face(), kUsual, Redaction::off};
  bundle.add({.files = {{.name = "b.txt", .content = "b\n"}, {.name = "a/c.txt", .content = ""}},
              .missed = {{.name = "kernel/log.txt", .reason = "denied"}}});
  const Unpacked unpacked = written(bundle);
  const json manifest = json::parse(unpacked.file("manifest.json"));
  EXPECT_EQ(manifest["node"], kNode);
  EXPECT_EQ(manifest["redacted"], false);
  EXPECT_EQ(manifest["missed"][0]["name"], "kernel/log.txt");
  EXPECT_EQ(manifest["missed"][0]["reason"], "denied");
  ASSERT_EQ(manifest["files"].size(), 3);
  for (const json& file : manifest["files"]) {
    const std::string content = unpacked.file(file["name"].get<std::string>());
    EXPECT_EQ(file["bytes"], content.size()) << file["name"];
    EXPECT_EQ(file["sha256"], sha256(content)) << file["name"];
  }
  EXPECT_THAT(unpacked.file("README.txt"), StartsWith("kubecliff evidence, 2026-11-22T22:05:00Z"));
}

TEST(Bundle, IsBoundedByWholeLines) {
  Bundle bundle{face(), {.all = 1'000, .file = 400}, Redaction::off};
  std::string lines;
  for (int i = 0; i < 1'000; ++i) {
    lines += "a line\n";
  }
  for (const auto* name : {"1", "2", "3", "4"}) {
    bundle.add({.files = {{.name = name, .content = lines}}});
  }
  const Unpacked unpacked = written(bundle);
  EXPECT_EQ(unpacked.file("1").size(), 399);
  EXPECT_EQ(unpacked.file("2").size(), 399);
  EXPECT_EQ(unpacked.file("3").size(), 196);
  EXPECT_EQ(unpacked.file("4"), "");
  const json manifest = json::parse(unpacked.file("manifest.json"));
  ASSERT_EQ(manifest["missed"].size(), 4);
  EXPECT_EQ(manifest["missed"][0]["reason"], "cut: 7000 bytes, of which there was room for 399");
}

TEST(Bundle, SaysHowMuchMoreIsMissing) {
  Bundle bundle{face(), kUsual, Redaction::off};
  bundle.add(
      {.missed = std::vector<Missed>(1'000, {.name = "x", .reason = std::string(2'000, 'y')})});
  const json manifest = json::parse(written(bundle).file("manifest.json"));
  EXPECT_EQ(manifest["missed"].size(), 200);
  EXPECT_EQ(manifest["missed_more"], 800);
  EXPECT_EQ(manifest["missed"][0]["reason"].get<std::string>().size(), 500);
}

TEST(Bundle, RedactedSaysNoNameAnywhere) {
  BundleFace of = face();
  of.options = {"--url=http://worker-7:9909"};
  Bundle bundle{of, kUsual, Redaction::on};
  // What names come from may be asked after what they stand in.
  bundle.add({.files = {{.name = "report/report.txt", .content = "shop/cart on worker-7 is slow\n"},
                        {.name = "network/stat/netstat.txt", .content = "netstat\n"},
                        {.name = "rules/nft.jsonl", .content = "{\"state\":\"shop/cart\"}\n"}},
              .missed = {{.name = "shop", .reason = "shop/cart at 10.1.2.3: denied"}}});
  bundle.add({.names = {"shop/cart cluster IP", "state/netstat"}});
  const Unpacked unpacked = written(bundle);
  for (const auto& [name, content] : unpacked.files) {
    for (const std::string_view secret : {"shop", "cart", "worker-7", "10.1.2.3"}) {
      EXPECT_THAT(name, Not(HasSubstr(secret)));
      EXPECT_THAT(content, Not(HasSubstr(secret))) << name;
    }
  }
  EXPECT_EQ(unpacked.file("report/report.txt"), "NAMESPACE-1/SERVICE-1 on NODE-1 is slow\n");
  EXPECT_EQ(unpacked.file("rules/nft.jsonl"), "{\"state\":\"NAMESPACE-1/SERVICE-1\"}\n");
  // The bundle's own names of files stay: README.txt tells what they are.
  EXPECT_EQ(unpacked.file("network/stat/netstat.txt"), "SERVICE-2\n");
  const json manifest = json::parse(unpacked.file("manifest.json"));
  EXPECT_EQ(manifest["redacted"], true);
  for (const json& file : manifest["files"]) {
    EXPECT_EQ(file["sha256"], sha256(unpacked.file(file["name"].get<std::string>())));
  }
}

// Services may be called by the words that say what is.
TEST(Bundle, RedactedStillSaysWhatIs) {
  constexpr std::string_view kSaid =
      "info warning established syn_sent unreplied tcp UP unicast foreign sep calico iptables-nft "
      "legacy_and_nft loaded not_built seconds conntrack_use programming egress counter vxlan\n";
  Bundle bundle{face(), kUsual, Redaction::on};
  bundle.add({.files = {{.name = "kernel/log.txt", .content = std::string{kSaid}}},
              .names = {std::string{kSaid}}});
  EXPECT_EQ(written(bundle).file("kernel/log.txt"), kSaid);
}

// Tokens are numbered as names are learned.
TEST(Names, AreInNoOrder) {
  Names names;
  for (char name = 'a'; name <= 'z'; ++name) {
    names.add(std::string(2, name));
  }
  const std::vector<std::string> taken = names.take();
  EXPECT_THAT(taken, SizeIs(26));
  EXPECT_FALSE(std::ranges::is_sorted(taken));
  EXPECT_NE(taken, names.take());
}

TEST(Bundle, OtherFormsAreMadeOfWhatIsRedacted) {
  const File file{.name = "report/report.json",
                  .content = "{\"x\":\"shop/cart\"}\n",
                  .derive = [](const std::string& content) {
                    return Gathered{.files = {{.name = "report/report.txt", .content = content}},
                                    .missed = {{.name = "report/more", .reason = "none"}}};
                  }};
  for (const Redaction redaction : {Redaction::off, Redaction::on}) {
    Bundle bundle{face(), kUsual, redaction};
    bundle.add({.files = {file}, .names = {"shop/cart"}});
    const Unpacked unpacked = written(bundle);
    EXPECT_EQ(unpacked.file("report/report.txt"),
              redaction == Redaction::off ? file.content : "{\"x\":\"NAMESPACE-1/SERVICE-1\"}\n");
    EXPECT_THAT(unpacked.file("manifest.json"), HasSubstr("report/more"));
  }
}

TEST(Bundle, IsBoundedWithTokensToo) {
  Bundle bundle{face(), {.all = 1'000, .file = 400}, Redaction::on};
  std::string lines;
  for (int i = 0; i < 50; ++i) {
    lines += "x7/y7\n";
  }
  bundle.add({.files = {{.name = "1", .content = lines}}, .names = {"x7/y7"}});
  const Unpacked unpacked = written(bundle);
  EXPECT_THAT(unpacked.file("1"), HasSubstr("NAMESPACE-1/SERVICE-1\n"));
  EXPECT_LE(unpacked.file("1").size(), 400);
  EXPECT_THAT(unpacked.file("manifest.json"), HasSubstr("cut: "));
}

// A report knows names by other ways too.
TEST(Bundle, WithoutAllNamesNoReportIsRedacted) {
  Bundle bundle{face(), kUsual, Redaction::on};
  bundle.add({.files = {{.name = "report/report.txt", .content = "shop/cart is slow\n"},
                        {.name = "kernel/log.txt", .content = "full\n"}}});
  bundle.add({.names_seen = NamesSeen::not_all});
  const Unpacked unpacked = written(bundle);
  EXPECT_EQ(unpacked.file("report/report.txt"), "");
  EXPECT_EQ(unpacked.file("kernel/log.txt"), "full\n");
  const json manifest = json::parse(unpacked.file("manifest.json"));
  EXPECT_EQ(manifest["missed"][0]["name"], "report/report.txt");
}

TEST(Bundle, NamesOfFilesCannotLeadOutOfIt) {
  Bundle bundle{face(), kUsual, Redaction::off};
  bundle.add({.files = {{.name = "../../etc/cron.d/x\n", .content = "bad"}}});
  for (const auto& [name, content] : written(bundle).files) {
    EXPECT_THAT(name, StartsWith("evidence/"));
    EXPECT_THAT(name, Not(HasSubstr("..")));
    EXPECT_THAT(name, Not(HasSubstr("\n")));
  }
}

}  // namespace
}  // namespace kubecliff::evidence
