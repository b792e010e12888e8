#include "exporter/http/basic_auth.h"

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kubecliff::http {
namespace {

// htpasswd -nbBC 4 alice secret; the same with $2b$ and $2a$ differs in the prefix only.
constexpr std::string_view kSecretTail = "04$WHXvSq5OkTpzqCYqfxPSVuNIwDmfXPYxGg/mR9OlYQDEhD1B8DqTu";

Users users(std::string_view prefix = "$2y$") {
  return {{"alice", std::string{prefix} + std::string{kSecretTail}}};
}

TEST(ParseBasicAuthorization, TakesCredentialsApart) {
  struct Case {
    std::string_view header;
    std::optional<Credentials> expected;
  };
  const Case cases[] = {
      {"Basic YWxpY2U6c2VjcmV0", Credentials{"alice", "secret"}},
      {"basic   YWxpY2U6c2VjcmV0 ", Credentials{"alice", "secret"}},
      {"Basic YTpiOmM=", Credentials{"a", "b:c"}},
      {"Basic Og==", Credentials{"", ""}},
      {"", std::nullopt},
      {"Basic", std::nullopt},
      {"Basic ", std::nullopt},
      {"Bearer YWxpY2U6c2VjcmV0", std::nullopt},
      {"Basic YWxpY2U", std::nullopt},           // no colon, and no padding
      {"Basic YWxpY2U6c2VjcmV", std::nullopt},   // a length that base64 cannot have
      {"Basic YWxp=Y2U6c2Vj", std::nullopt},     // padding within
      {"Basic YWxpY2U6\nc2Vjcm", std::nullopt},  // whitespace within
      {"Basic YWxpY2U6AHg=", std::nullopt},      // a zero byte in the password
  };
  for (const Case& c : cases) {
    EXPECT_EQ(parse_basic_authorization(c.header), c.expected) << c.header;
  }
}

TEST(BcryptCost, KnowsBcryptFromOtherHashes) {
  struct Case {
    std::string hash;
    std::optional<unsigned> expected;
  };
  const std::string tail(53, 'a');
  const Case cases[] = {
      {"$2y$10$" + tail, 10},
      {"$2a$04$" + tail, 4},
      {"$2b$31$" + tail, 31},
      {"$2x$10$" + tail, std::nullopt},
      {"$2y$1$" + tail, std::nullopt},
      {"$2y$10$" + tail + "a", std::nullopt},
      {"$2y$10$" + tail.substr(1), std::nullopt},
      {"$2y$10$" + tail.substr(1) + "!", std::nullopt},
      {"$6$salt$hash", std::nullopt},
      {"secret", std::nullopt},
      {"", std::nullopt},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(bcrypt_cost(c.hash), c.expected) << c.hash;
  }
}

TEST(Authenticator, LetsInTheRightPasswordOfEveryPrefix) {
  for (const std::string_view prefix : {"$2y$", "$2a$", "$2b$"}) {
    Authenticator authenticator;
    EXPECT_EQ(authenticator.check(users(prefix), {"alice", "secret"}), Verdict::granted) << prefix;
    EXPECT_EQ(authenticator.check(users(prefix), {"alice", "Secret"}), Verdict::denied) << prefix;
    EXPECT_EQ(authenticator.check(users(prefix), {"alice", ""}), Verdict::denied) << prefix;
  }
}

TEST(Authenticator, UnknownUserIsDeniedEvenWithAnothersPassword) {
  Authenticator authenticator;
  EXPECT_EQ(authenticator.check(users(), {"bob", "secret"}), Verdict::denied);
  EXPECT_EQ(authenticator.check(users(), {"", "secret"}), Verdict::denied);
  EXPECT_EQ(authenticator.check({}, {"alice", "secret"}), Verdict::denied);
}

TEST(Authenticator, NewHashOutdatesWhatWasVerified) {
  Authenticator authenticator;
  ASSERT_EQ(authenticator.check(users(), {"alice", "secret"}), Verdict::granted);
  const Users changed = {{"alice", "$2y$04$oC9Fs4SxI.YlNQekf5BMe.MmIAgV1jR6zmnc7MQnQheLlJFW6pDF6"}};
  EXPECT_EQ(authenticator.check(changed, {"alice", "secret"}), Verdict::denied);
  EXPECT_EQ(authenticator.check(changed, {"alice", "other"}), Verdict::granted);
}

TEST(Authenticator, VerifiedUserWaitsForNobodyWhileOthersTryPasswords) {
  const Users expensive = {
      {"alice", "$2y$10$BgQhoHY8WhFvppleV55Jsu0qdDj.6NvGnSwjbYLGxjfz3UCFXlam6"}};
  Authenticator authenticator;
  ASSERT_EQ(authenticator.check(expensive, {"alice", "secret"}), Verdict::granted);

  std::vector<std::jthread> attackers;
  attackers.reserve(32);
  for (int attacker = 0; attacker < 8; ++attacker) {
    attackers.emplace_back([&](const std::stop_token& stopped) {
      while (!stopped.stop_requested()) {
        EXPECT_NE(authenticator.check(expensive, {"alice", "guess"}), Verdict::granted);
        std::this_thread::sleep_for(std::chrono::milliseconds{1});  // leaves the scraper a core
      }
    });
  }
  for (int scrape = 0; scrape < 100; ++scrape) {
    // Never busy: a hash would take its turn behind the attackers' and might be refused one.
    EXPECT_EQ(authenticator.check(expensive, {"alice", "secret"}), Verdict::granted);
  }
}

TEST(Authenticator, TurnsAwayThoseForWhomThereIsNoTurn) {
  const Users expensive = {
      {"alice", "$2y$10$BgQhoHY8WhFvppleV55Jsu0qdDj.6NvGnSwjbYLGxjfz3UCFXlam6"}};
  Authenticator authenticator;
  std::atomic<int> busy{0};
  {
    std::vector<std::jthread> attackers;
    attackers.reserve(32);
    for (int attacker = 0; attacker < 32; ++attacker) {
      attackers.emplace_back([&] {
        if (authenticator.check(expensive, {"alice", "guess"}) == Verdict::busy) {
          ++busy;
        }
      });
    }
  }
  EXPECT_GT(busy, 0);
  EXPECT_EQ(authenticator.check(expensive, {"alice", "secret"}), Verdict::granted);
}

}  // namespace
}  // namespace kubecliff::http
