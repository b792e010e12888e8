#include "exporter/client/ask_daemon.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/kubeproxy/stand_in.h"
#include "tests/support/network_namespace.h"
#include "tests/support/result_matchers.h"

namespace kubecliff {
namespace {

using namespace std::chrono_literals;
using test::fails_with;
using test::has_value;
using test::StandIn;
using ::testing::HasSubstr;

class AskDaemonTest : public test::NetworkNamespaceTest {
 protected:
  Result<DaemonAnswer> ask(std::string_view path, std::chrono::milliseconds within = 5s) {
    return ask_daemon(daemon_->url() + "/", path, within);
  }
  void SetUp() override {
    NetworkNamespaceTest::SetUp();
    if (!IsSkipped()) {
      daemon_ = std::make_unique<StandIn>();
    }
  }
  void TearDown() override { daemon_.reset(); }  // in its namespace

  std::unique_ptr<StandIn> daemon_;
};

TEST_F(AskDaemonTest, GivesTheBodyOfAWholeAnswer) {
  daemon_->answer("/api/v1/report", StandIn::text("words"));
  EXPECT_EQ(body_of(ask("/api/v1/report")).value_or(""), "words");
}

TEST_F(AskDaemonTest, SaysWhatToDoAboutAnotherAnswer) {
  const auto status = [](int number) {
    return StandIn::bytes("HTTP/1.1 " + std::to_string(number) +
                          " No\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwhy?");
  };
  daemon_->answer("/401", status(401));
  daemon_->answer("/503", status(503));
  EXPECT_THAT(body_of(ask("/401")), fails_with(ErrorKind::denied, HasSubstr("give a user")));
  EXPECT_THAT(body_of(ask("/404")),
              fails_with(ErrorKind::unavailable, HasSubstr("an older kubecliff")));
  EXPECT_THAT(body_of(ask("/503")), fails_with(ErrorKind::unavailable, HasSubstr("answers 503")));
  const auto answer = ask("/503");
  ASSERT_THAT(answer, has_value());
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "why?");
}

TEST_F(AskDaemonTest, WaitsForNoOneWhoStallsOrNeverEnds) {
  daemon_->answer("/stalls", StandIn::stalls_after("HTTP/1.1 200 OK\r\n\r\n{"));
  daemon_->answer("/endless", StandIn::endless(std::string(100'000, 'x')));
  EXPECT_THAT(ask("/stalls", 300ms), fails_with(ErrorKind::timeout, HasSubstr("--url: ")));
  EXPECT_THAT(ask("/endless"), fails_with(ErrorKind::malformed, HasSubstr("more than 16 MiB")));
}

TEST(AskDaemon, RefusesWhatCanBeNoDaemons) {
  for (const std::string_view url :
       {"", "localhost:9909", "ftp://localhost", "file:///etc/passwd"}) {
    EXPECT_THAT(ask_daemon(url, "/", 1s),
                fails_with(ErrorKind::malformed, HasSubstr("expected an address")));
  }
}

}  // namespace
}  // namespace kubecliff
