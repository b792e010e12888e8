#include "collectors/kernel/poller.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/kernel/unique_fd.h"

namespace kubecliff {
namespace {

using testing::ElementsAre;
using Now = std::chrono::steady_clock;

UniqueFd readable() {
  return UniqueFd{::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
}

bool is_ready(const Poller& poller, int within_ms = 0) {
  pollfd waiting{.fd = poller.descriptor(), .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, within_ms) == 1;
}

TEST(PollerTest, CallsTheHandlerOfWhatIsReadyAsLongAsItIs) {
  Poller poller;
  const UniqueFd event = readable();
  int calls = 0;
  poller.watch(event.get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_EQ(events, std::uint32_t{EPOLLIN});
    ++calls;
  });
  EXPECT_TRUE(is_ready(poller));
  poller.dispatch();
  poller.dispatch();
  EXPECT_EQ(calls, 2);
  poller.forget(event.get());
  EXPECT_FALSE(is_ready(poller));
  poller.dispatch();
  EXPECT_EQ(calls, 2);
  poller.forget(event.get());
}

TEST(PollerTest, WatchingAgainReplacesTheHandlerAndTheEvents) {
  Poller poller;
  const UniqueFd event = readable();
  std::vector<int> called;
  poller.watch(event.get(), EPOLLIN, [&](auto) { called.push_back(1); });
  poller.watch(event.get(), EPOLLOUT, [&](auto) { called.push_back(2); });
  poller.dispatch();
  EXPECT_THAT(called, ElementsAre(2));
}

TEST(PollerTest, AHandlerMayForgetItselfAndOthers) {
  Poller poller;
  const UniqueFd first = readable();
  const UniqueFd second = readable();
  int calls = 0;
  const auto forget_both = [&](auto) {
    ++calls;
    poller.forget(first.get());
    poller.forget(second.get());
  };
  poller.watch(first.get(), EPOLLIN, forget_both);
  poller.watch(second.get(), EPOLLIN, forget_both);
  poller.dispatch();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(is_ready(poller));
}

TEST(PollerTest, ADescriptorThatWasClosedMayBeAnotherOnes) {
  Poller poller;
  UniqueFd event = readable();
  const int number = event.get();
  int calls = 0;
  poller.watch(number, EPOLLIN, [&](auto) { ADD_FAILURE() << "it is closed"; });
  event.reset();
  event = readable();
  ASSERT_EQ(event.get(), number);
  poller.watch(number, EPOLLIN, [&](auto) { ++calls; });
  poller.dispatch();
  EXPECT_EQ(calls, 1);
}

TEST(TimerTest, CallsOnceAndNotBeforeItsTime) {
  Poller poller;
  int calls = 0;
  Timer timer{poller, [&] { ++calls; }};
  EXPECT_FALSE(is_ready(poller));
  const auto time = Now::now() + std::chrono::milliseconds{20};
  timer.set(time);
  ASSERT_TRUE(is_ready(poller, 10'000));
  EXPECT_GE(Now::now(), time);
  poller.dispatch();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(is_ready(poller));
}

TEST(TimerTest, ATimeThatIsPastIsNowAndOneThatWasStoppedIsNever) {
  Poller poller;
  int calls = 0;
  Timer timer{poller, [&] { ++calls; }};
  timer.set({});
  ASSERT_TRUE(is_ready(poller, 10'000));
  timer.stop();
  poller.dispatch();
  EXPECT_EQ(calls, 0);
  timer.set(Now::now());
  ASSERT_TRUE(is_ready(poller, 10'000));
  poller.dispatch();
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace kubecliff
