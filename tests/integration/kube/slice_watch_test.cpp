// SliceWatch against an API server's stand-in that does what API servers do.
#include "collectors/kube/slice_watch.h"

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/procfs.h"
#include "tests/support/api_stand_in.h"
#include "tests/support/certificates.h"
#include "tests/support/descriptors.h"
#include "tests/support/must.h"

namespace kubecliff::kube {
namespace {

using namespace std::chrono_literals;
using test::ApiStandIn;
using test::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Timing = SliceWatch::Timing;

constexpr std::chrono::milliseconds kFirstWait = 20ms;

class SliceWatchTest : public testing::Test {
 protected:
  explicit SliceWatchTest(std::string version = "v1") : server_{std::move(version)} {}

  void begin() {
    watch_ = std::make_unique<SliceWatch>(
        poller_, api_, "c-ipv4", Backoff{kFirstWait},
        SliceWatch::Observer{.on_slice =
                                 [this](const ReadSlice& slice, Timing timing) {
                                   seen_.push_back(slice.annotations.at("n"));
                                   live_ = timing == Timing::live;
                                 },
                             .on_absent = [this] { seen_.emplace_back("none"); }});
  }

  void put(const std::string& text) {
    server_.put(server_.slices() + "/c-ipv4",
                {{"metadata", {{"name", "c-ipv4"}, {"annotations", {{"n", text}}}}}});
  }

  bool run_until(const std::function<bool()>& condition, std::chrono::milliseconds limit = 20s) {
    for (const auto end = Clock::now() + limit; !condition();) {
      pollfd waiting{.fd = poller_.descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 5) > 0) {
        poller_.dispatch();
        ++dispatched_;
      }
      if (Clock::now() > end) {
        return false;
      }
    }
    return true;
  }
  bool sees(std::string_view text) {
    return run_until([&] { return !seen_.empty() && seen_.back() == text; });
  }
  bool watches() {
    return run_until([&] { return server_.watches() == 1; });
  }
  // What happens from here on is live.
  bool settles() {
    return watches() && !run_until([] { return false; }, 1'100ms);
  }

  void expect_to_be_followed() {
    begin();
    EXPECT_TRUE(sees("none"));
    ASSERT_TRUE(settles());
    put("1");
    EXPECT_TRUE(sees("1"));
    EXPECT_TRUE(live_);
    server_.put(server_.slices() + "/another", {{"metadata", {{"name", "another"}}}});
    put("2");
    EXPECT_TRUE(sees("2"));
    server_.remove(server_.slices() + "/c-ipv4");
    EXPECT_TRUE(sees("none"));
    EXPECT_THAT(seen_, ElementsAre("none", "1", "2", "none"));

    const std::string one = "GET " + server_.slices() + "?fieldSelector=metadata.name%3Dc-ipv4&";
    EXPECT_THAT(server_.log(),
                ElementsAre("GET /apis/discovery.k8s.io", one + "resourceVersion=0",
                            StartsWith(one + "watch=1&allowWatchBookmarks=true&resourceVersion=")));
    EXPECT_EQ(server_.connections(), 1U);
    EXPECT_FALSE(watch_->failure());
  }

  ApiStandIn server_;
  Poller poller_;
  std::unique_ptr<curl::Transfers> transfers_ = must(curl::Transfers::open(poller_));
  Api api_ =
      must(Api::open({.url = server_.url(), .credentials = server_.credentials()}, *transfers_));
  std::vector<std::string> seen_;
  bool live_ = false;
  std::uint64_t dispatched_ = 0;
  std::unique_ptr<SliceWatch> watch_;
};

// Kubernetes before 1.21.
class SliceWatchOfOldTest : public SliceWatchTest {
 protected:
  SliceWatchOfOldTest() : SliceWatchTest{"v1beta1"} {}
};

TEST_F(SliceWatchTest, ListsThatOneObjectAndFollowsItOverOneConnection) {
  expect_to_be_followed();
}

TEST_F(SliceWatchOfOldTest, ListsThatOneObjectAndFollowsItOverOneConnection) {
  expect_to_be_followed();
}

TEST_F(SliceWatchTest, GoesOnFromTheLastBookmark) {
  put("1");
  begin();
  ASSERT_TRUE(settles());
  server_.bookmark();
  run_until([] { return false; }, 200ms);
  server_.compact();
  server_.bookmark();
  run_until([] { return false; }, 200ms);
  server_.end_watches();
  ASSERT_TRUE(run_until([&] { return server_.log().size() == 4; }));
  ASSERT_TRUE(watches());
  EXPECT_THAT(server_.log().back(), HasSubstr("watch=1")) << "and does not list again";
  put("2");
  EXPECT_TRUE(sees("2"));
  EXPECT_THAT(seen_, ElementsAre("1", "2"));
  EXPECT_EQ(server_.connections(), 1U);
}

TEST_F(SliceWatchTest, WhatHappenedMeanwhileIsLate) {
  put("1");
  begin();
  ASSERT_TRUE(settles());
  server_.end_watches();
  put("2");
  EXPECT_TRUE(sees("2"));
  EXPECT_FALSE(live_);
  ASSERT_TRUE(settles());
  put("3");
  EXPECT_TRUE(sees("3"));
  EXPECT_TRUE(live_);
}

TEST_F(SliceWatchTest, WhatIsTooLongAgoIsListedAgain) {
  put("1");
  begin();
  ASSERT_TRUE(watches());
  server_.end_watches();
  put("2");
  server_.compact();
  EXPECT_TRUE(sees("2"));
  EXPECT_FALSE(live_);
  EXPECT_FALSE(watch_->failure()) << "it is no failure";
}

TEST_F(SliceWatchTest, AConnectionThatBreaksIsSaidAndMadeAgain) {
  put("1");
  begin();
  ASSERT_TRUE(watches());
  server_.drop_watches();
  ASSERT_TRUE(run_until([&] { return watch_->failure().has_value(); }));
  EXPECT_EQ(watch_->failure().value_or(Error{}).kind, ErrorKind::torn);
  ASSERT_TRUE(run_until([&] { return !watch_->failure() && server_.watches() == 1; }));
  put("2");
  EXPECT_TRUE(sees("2"));
}

TEST_F(SliceWatchTest, GarbageIsSaidAndNotServed) {
  put("1");
  begin();
  for (const std::string line : {"{\"type\": \"MODIFIED\", ", "<html>", "[]"}) {
    ASSERT_TRUE(run_until([&] { return !watch_->failure() && server_.watches() == 1; }));
    server_.say(line);
    ASSERT_TRUE(run_until([&] { return watch_->failure().has_value(); })) << line;
    EXPECT_EQ(watch_->failure().value_or(Error{}).kind, ErrorKind::malformed);
  }
  put("2");
  EXPECT_TRUE(sees("2"));
  EXPECT_THAT(seen_, testing::Each(testing::AnyOf("1", "2")));
}

TEST_F(SliceWatchTest, ATokenThatRotatesIsReadAgain) {
  put("1");
  begin();
  ASSERT_TRUE(watches());
  server_.replace_token();
  server_.drop_watches();
  ASSERT_TRUE(
      run_until([&] { return watch_->failure() && watch_->failure()->kind == ErrorKind::denied; }));
  EXPECT_THAT(watch_->failure()->message, HasSubstr("401"));
  server_.write_token();
  ASSERT_TRUE(run_until([&] { return !watch_->failure() && server_.watches() == 1; }));
  // As long as a watch lasts, an old token is good.
  server_.replace_token();
  put("2");
  EXPECT_TRUE(sees("2"));
}

TEST_F(SliceWatchTest, ServersThatNobodyVouchesForGetNoToken) {
  test::make_ca(server_.credentials(), "ca");
  begin();
  ASSERT_TRUE(run_until([&] { return watch_->failure().has_value(); }));
  EXPECT_EQ(watch_->failure()->kind, ErrorKind::denied) << watch_->failure()->message;
  EXPECT_EQ(server_.requests(), 0U);
}

TEST_F(SliceWatchTest, ADeadServerIsAskedEverMoreRarelyAndFoundAgain) {
  put("1");
  begin();
  ASSERT_TRUE(watches());
  server_.stop();
  ASSERT_TRUE(run_until([&] { return watch_->failure().has_value(); }));
  const std::uint64_t requests = watch_->requests();
  const std::uint64_t dispatched = dispatched_;
  run_until([] { return false; }, 3s);
  EXPECT_EQ(watch_->failure().value_or(Error{}).kind, ErrorKind::unavailable);
  EXPECT_LE(watch_->requests() - requests, 12U) << "20 ms, 40 ms, 80 ms, …, each at most";
  EXPECT_LE(dispatched_ - dispatched, 200U) << "no busy loop";
  server_.start();
  ASSERT_TRUE(run_until([&] { return !watch_->failure() && server_.watches() == 1; }));
}

TEST_F(SliceWatchTest, RefusalsAreSaidInTheServersWords) {
  server_.answer_all_with(403);
  begin();
  ASSERT_TRUE(run_until([&] { return watch_->failure().has_value(); }));
  EXPECT_EQ(watch_->failure()->kind, ErrorKind::denied);
  EXPECT_THAT(watch_->failure()->message,
              testing::AllOf(HasSubstr("403"), HasSubstr("as the test wants it")));
  server_.answer_all_with(0);
  ASSERT_TRUE(watches());
}

// Without the pauses between: a hundred days of them in seconds.
TEST_F(SliceWatchTest, TenThousandRoundsLeaveNothingBehind) {
  put("1");
  begin();
  ASSERT_TRUE(watches());
  const std::size_t before = test::open_descriptors();
  constexpr std::uint64_t kStorm = 20'000;
  watch_.reset();
  watch_ = std::make_unique<SliceWatch>(
      poller_, api_, "c-ipv4", Backoff{0ms},
      SliceWatch::Observer{.on_slice = [](const ReadSlice&, Timing) {}, .on_absent = [] {}});
  server_.refuse_watches(true);
  ASSERT_TRUE(run_until([&] { return watch_->requests() > kStorm; }, 120s));
  server_.refuse_watches(false);
  ASSERT_TRUE(watches());
  EXPECT_LE(test::open_descriptors(), before + 2);
}

}  // namespace
}  // namespace kubecliff::kube
