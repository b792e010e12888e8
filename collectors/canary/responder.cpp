#include "collectors/canary/responder.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>

#include "collectors/propagation/move.h"

namespace kubecliff::canary {
namespace {

constexpr int kBacklog = 4'096;
// So that others have their turn in between.
constexpr int kMostAccepts = 64;

AddressFamily family_of(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET6) {
    return AddressFamily::ipv4;
  }
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, &address, sizeof(ipv6));
  return IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr) ? AddressFamily::ipv4 : AddressFamily::ipv6;
}

template <typename Address>
bool bind_to(int socket, const Address& address) {
  return ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

UniqueFd stream_socket(int family) {
  return UniqueFd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

void set_option(int socket, int level, int option, int value) {
  std::ignore = ::setsockopt(socket, level, option, &value, sizeof(value));
}

}  // namespace

Result<std::unique_ptr<Responder>> Responder::open(Poller& poller, std::uint64_t first,
                                                   std::uint64_t ports) {
  if (first > UINT16_MAX || ports > UINT16_MAX || first + ports - 1 > UINT16_MAX) {
    return fail(ErrorKind::unavailable, std::to_string(ports) + " ports from " +
                                            std::to_string(first) + " on: the last one is 65535");
  }
  std::unique_ptr<Responder> responder{new Responder{poller}};
  for (std::size_t i = 0; i < ports; ++i) {
    if (auto listening = responder->listen(static_cast<std::uint16_t>(first + i)); !listening) {
      return std::unexpected(listening.error());
    }
  }
  return responder;
}

Responder::Responder(Poller& poller)
    : poller_{poller}, timer_{poller, [this] { close_overdue(); }} {}

Responder::~Responder() {
  for (const UniqueFd& listener : listeners_) {
    poller_.forget(listener.get());
  }
  for (const Open& open : open_) {
    poller_.forget(open.socket.get());
  }
}

Result<void> Responder::listen(std::uint16_t port) {
  const std::string what = "listen on port " + std::to_string(port);
  UniqueFd socket = stream_socket(AF_INET6);
  bool bound = false;
  if (socket.valid()) {
    set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    bound = bind_to(socket.get(), sockaddr_in6{.sin6_family = AF_INET6,
                                               .sin6_port = htons(port),
                                               .sin6_flowinfo = 0,
                                               .sin6_addr = in6addr_any,
                                               .sin6_scope_id = 0});
  } else if (errno == EAFNOSUPPORT) {
    socket = stream_socket(AF_INET);
    set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    bound = bind_to(socket.get(), sockaddr_in{.sin_family = AF_INET,
                                              .sin_port = htons(port),
                                              .sin_addr = {.s_addr = htonl(INADDR_ANY)},
                                              .sin_zero = {}});
  }
  if (!bound || ::listen(socket.get(), kBacklog) != 0) {
    return fail_errno(errno, what);
  }
  const std::size_t index = listeners_.size();
  poller_.watch(socket.get(), EPOLLIN, [this, index](auto) { accept(index); });
  listeners_.push_back(std::move(socket));
  generations_.push_back(0);
  return {};
}

void Responder::accept(std::size_t index) {
  const std::string answer = propagation::encode_answer(generations_.at(index));
  for (int i = 0; i < kMostAccepts; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    UniqueFd socket{::accept4(listeners_.at(index).get(), reinterpret_cast<sockaddr*>(&peer), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!socket.valid()) {
      // Without a descriptor to spare, the oldest one is, or this would go on being ready.
      if ((errno == EMFILE || errno == ENFILE) && !open_.empty()) {
        close(open_.begin());
        continue;
      }
      return;
    }
    const Clock::time_point now = Clock::now();
    count(family_of(peer), now);
    std::ignore = ::send(socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    if (open_.size() >= kMostOpen) {
      close(open_.begin());
    }
    const int descriptor = socket.get();
    const auto place = open_.insert(open_.end(), {.socket = std::move(socket), .since = now});
    poller_.watch(descriptor, EPOLLIN | EPOLLRDHUP, [this, place](auto) { close(place); });
    if (open_.size() == 1) {
      timer_.set(now + kLinger);
    }
  }
}

void Responder::count(AddressFamily family, Clock::time_point now) {
  accepted_[static_cast<std::size_t>(family)] += 1;
  if (now - second_began_ >= std::chrono::seconds{1}) {
    second_began_ = now;
    in_second_ = 0;
  }
  busiest_ = std::max(busiest_, ++in_second_);
}

std::uint64_t Responder::take_busiest_second() {
  return std::exchange(busiest_, 0);
}

void Responder::close(std::list<Open>::iterator open) {
  poller_.forget(open->socket.get());
  open_.erase(open);
}

void Responder::close_overdue() {
  const Clock::time_point now = Clock::now();
  while (!open_.empty() && now - open_.front().since >= kLinger) {
    close(open_.begin());
  }
  if (!open_.empty()) {
    timer_.set(open_.front().since + kLinger);
  }
}

}  // namespace kubecliff::canary
