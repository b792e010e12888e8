#include "collectors/propagation/connections.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <tuple>
#include <utility>

#include "collectors/propagation/move.h"

namespace kubecliff::propagation {

Connections::Connections(Poller& poller, OnAnswer on_answer)
    : poller_{poller},
      on_answer_{std::move(on_answer)},
      timer_{poller, [this] { end_overdue(); }} {}

void Connections::start(const SocketAddress& service) {
  if (connections_.size() >= kMostAtOnce) {
    return;
  }
  Connection connection{.socket = UniqueFd{::socket(service.storage.ss_family,
                                                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)},
                        .began = Clock::now(),
                        .wall_began = std::chrono::system_clock::now().time_since_epoch()};
  const int socket = connection.socket.get();
  constexpr linger kReset{.l_onoff = 1, .l_linger = 0};
  if (socket >= 0) {
    std::ignore = ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &kReset, sizeof(kReset));
    std::ignore = ::connect(socket, service.get(), service.size);
  }
  ++started_;
  const Place place = connections_.insert(connections_.end(), std::move(connection));
  // What connect() says at once, the socket says too: a refusal is as readable as an answer.
  if (socket >= 0) {
    poller_.watch(socket, EPOLLIN | EPOLLRDHUP, [this, place](auto) { take(place); });
  }
  set_timer();
}

void Connections::take(Place place) {
  std::array<char, kMostAnswer> piece{};
  const ssize_t got = ::recv(place->socket.get(), piece.data(), piece.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got > 0) {
    place->line += std::string_view{piece.data(), static_cast<std::size_t>(got)};
    if (!place->line.ends_with('\n') && place->line.size() < kMostAnswer) {
      return;
    }
  }
  const auto generation = decode_answer(place->line);
  end(place, generation ? std::optional{*generation} : std::nullopt);
}

void Connections::end(Place place, std::optional<std::uint64_t> generation) {
  poller_.forget(place->socket.get());
  const Tracker::Answer answer{
      .began = place->began, .wall_began = place->wall_began, .generation = generation};
  connections_.erase(place);
  set_timer();
  on_answer_(answer);
}

void Connections::end_overdue() {
  while (!connections_.empty() && Clock::now() - connections_.front().began >= kAnswerWithin) {
    end(connections_.begin(), std::nullopt);
  }
}

void Connections::set_timer() {
  if (connections_.empty()) {
    timer_.stop();
  } else {
    timer_.set(connections_.front().began + kAnswerWithin);
  }
}

void Connections::forget() {
  for (const Connection& connection : connections_) {
    poller_.forget(connection.socket.get());
  }
  connections_.clear();
  timer_.stop();
}

}  // namespace kubecliff::propagation
