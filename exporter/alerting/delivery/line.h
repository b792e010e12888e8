// Line: the connection to one receiver, opened beforehand and kept.
//
// A node whose connection tracking table is full makes no new connection, while those that it has
// go on. So the connection stands before there is anything to tell: a request that means nothing
// opens it, and opens it again some time after it was closed, by whomever; while it stands, nothing
// is sent over it but TCP's own keep-alives. Each Line has connections of its own. Not thread-safe;
// driven by its poller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collectors/core/result.h"
#include "collectors/curl/transfers.h"
#include "collectors/kernel/poller.h"
#include "exporter/alerting/delivery/config.h"
#include "exporter/alerting/delivery/pacing.h"
#include "exporter/alerting/delivery/receiver.h"

namespace kubecliff::delivery {

// The request that opens a connection.
struct Opening {
  std::string method = "HEAD";
  std::string path = "/";
  // The longest wait before it is made, and made again: each node draws its own.
  std::chrono::milliseconds at_start{10'000};
  std::chrono::milliseconds after_close{30'000};
};

class Line {
 public:
  using OnAnswer = std::function<void(const Answer& answer)>;

  // `poller` must outlive it. Unavailable where libcurl is not installed. `seed`: each node its
  // own.
  [[nodiscard]] static Result<std::unique_ptr<Line>> open(Poller& poller, Endpoint endpoint,
                                                          Opening opening, std::uint32_t seed);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  // A request is under way: nothing may be sent.
  [[nodiscard]] bool busy() const { return transfer_.has_value(); }
  // Calls back once, from the poller, or at once where a secret cannot be read. An answer is what
  // came, or why none did; neither tells a secret.
  void send(const Message& message, OnAnswer on_answer);

  // Opens the connection where it is time to. To be called again by due().
  void keep_open(Clock::time_point now);
  [[nodiscard]] Clock::time_point due() const;
  [[nodiscard]] bool connected() const { return kept_ >= 0; }
  // Since when no connection can be made; nothing where one could the last time.
  [[nodiscard]] std::optional<Clock::time_point> unreachable_since() const {
    return unreachable_since_;
  }

  // Why; empty where one could.
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // Of all secrets as they are now: another one after any of them was replaced.
  [[nodiscard]] std::size_t secrets_hash() const;

 private:
  struct Secrets {
    std::string url;
    std::string password;
    std::string token;
    std::string routing_key;
  };

  Line(Poller& poller, std::unique_ptr<curl::Transfers> transfers, Endpoint endpoint,
       Opening opening, std::uint32_t seed);

  [[nodiscard]] Result<Secrets> read_secrets() const;
  void start(const curl::Request& request, const Secrets& secrets, OnAnswer on_answer);
  void ended(const Answer& answer, int kept);
  void hold(int connection);
  void let_go();

  Poller& poller_;
  Endpoint endpoint_;
  Opening opening_;
  Pacing pacing_;
  std::optional<Clock::time_point> open_at_;  // none until the first keep_open()
  std::optional<Clock::time_point> unreachable_since_;
  std::string failure_;
  int kept_ = -1;  // libcurl's descriptor, which is only watched here
  std::optional<curl::Transfers::Id> transfer_;
  std::unique_ptr<curl::Transfers> transfers_;
};

// The scheme, host and port of a URL, which may be told.
[[nodiscard]] std::string origin_of(std::string_view url);

// The first 200 characters, on one line, with each secret in them blotted out.
[[nodiscard]] std::string fit_to_print(std::string_view text,
                                       const std::vector<std::string>& secrets);

}  // namespace kubecliff::delivery
