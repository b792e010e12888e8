#include "collectors/kernel/poller.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>
#include <tuple>
#include <utility>

namespace kubecliff {
namespace {

constexpr std::size_t kMostAtOnce = 256;

int checked(int result, const char* what) {
  if (result < 0) {
    throw std::system_error{errno, std::generic_category(), what};
  }
  return result;
}

void set_timer(int timer, std::chrono::nanoseconds since_boot) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  const itimerspec when{
      .it_interval = {},
      .it_value = {.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()}};
  checked(::timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, nullptr), "timerfd_settime");
}

}  // namespace

Poller::Poller() : epoll_{checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")} {}

void Poller::watch(int descriptor, std::uint32_t events, Handler handler) {
  epoll_event event{.events = events, .data = {.fd = descriptor}};
  const auto control = [&](int operation) {
    return ::epoll_ctl(epoll_.get(), operation, descriptor, &event);
  };
  // One that was closed has left by itself, and its number may be another's by now.
  const bool changed = handlers_.contains(descriptor) && control(EPOLL_CTL_MOD) == 0;
  if (!changed) {
    checked(control(EPOLL_CTL_ADD), "epoll_ctl");
  }
  handlers_.insert_or_assign(descriptor, std::make_shared<const Handler>(std::move(handler)));
}

void Poller::forget(int descriptor) {
  if (handlers_.erase(descriptor) > 0) {
    // One that was closed is not there any more.
    std::ignore = ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
  }
}

void Poller::dispatch() {
  std::array<epoll_event, kMostAtOnce> ready{};
  const int count =
      ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), /*timeout=*/0);
  for (const epoll_event& event :
       std::span{ready}.first(static_cast<std::size_t>(std::max(count, 0)))) {
    const auto found = handlers_.find(event.data.fd);
    if (found != handlers_.end()) {
      const std::shared_ptr<const Handler> handler = found->second;
      (*handler)(event.events);
    }
  }
}

Timer::Timer(Poller& poller, std::function<void()> handler)
    : poller_{poller},
      timer_{checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
                     "timerfd_create")} {
  poller_.watch(timer_.get(), EPOLLIN, [fd = timer_.get(), call = std::move(handler)](auto) {
    std::uint64_t expired = 0;
    // Nothing to read: it was set anew since.
    if (::read(fd, &expired, sizeof(expired)) == sizeof(expired)) {
      call();
    }
  });
}

void Timer::set(std::chrono::steady_clock::time_point time) {
  // Zero would stop it.
  set_timer(timer_.get(), std::max(time.time_since_epoch(), decltype(time)::duration{1}));
}

void Timer::stop() {
  set_timer(timer_.get(), {});
}

}  // namespace kubecliff
