// Notifier: tells all receivers of alerts, on a thread of its own.
//
// It is handed what is so, not what has happened: the complete list of what fires and of what
// ended, again and again. What a receiver was not told yet, it is told as soon as it takes it, one
// message at a time and each receiver by itself; what is not so any more is not told. The
// connections stand beforehand (line.h).
//
//   StateFile state{config.state_file};
//   auto notifier = Notifier::start(config, state);
//   (*notifier)->update(alerts);   // at every evaluation
//
// What does not work is logged when that changes; no secret is ever in it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "collectors/core/family.h"
#include "collectors/core/result.h"
#include "collectors/core/samples.h"
#include "collectors/kernel/poller.h"
#include "collectors/kernel/unique_fd.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/delivery/config.h"
#include "exporter/alerting/delivery/line.h"
#include "exporter/alerting/delivery/pagerduty.h"
#include "exporter/alerting/delivery/receiver.h"
#include "exporter/alerting/delivery/state_file.h"

namespace kubecliff::delivery {

class Notifier {
 public:
  struct Timing {
    // The longest waits before a connection is opened, and opened again.
    std::chrono::milliseconds open_within{10'000};
    std::chrono::milliseconds open_again_within{30'000};
    // For how long no Alertmanager takes anything before PagerDuty is told in their place.
    std::chrono::seconds fallback_after{30};
  };

  // `state` must outlive it. Unavailable where libcurl is not installed. The thread is in the
  // network namespace of the caller's.
  [[nodiscard]] static Result<std::unique_ptr<Notifier>> start(const DeliveryConfig& config,
                                                               StateFile& state, Timing timing);
  [[nodiscard]] static Result<std::unique_ptr<Notifier>> start(const DeliveryConfig& config,
                                                               StateFile& state) {
    return start(config, state, Timing{});
  }
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;
  // Breaks off what is under way.
  ~Notifier();

  // All that fires, and what ended for 15 minutes after it did. Any thread; returns at once. To be
  // called at every evaluation, also where nothing changed.
  void update(std::vector<Alert> alerts);

  // The families below. Any thread.
  void add(Samples& out) const;
  [[nodiscard]] static std::vector<FamilySpec> families();

 private:
  enum class Outcome : std::uint8_t { ok, retried, refused };

  // What is told of a receiver in /metrics.
  struct Figures {
    std::string receiver;
    std::uint64_t ok = 0;
    std::uint64_t retried = 0;
    std::uint64_t refused = 0;
    std::size_t pending = 0;
    bool connected = false;
  };

  // A receiver, its line, and what was last said of them.
  struct Post {
    Figures figures;
    std::unique_ptr<Receiver> receiver;
    std::unique_ptr<Line> line;
    std::optional<std::size_t> refused_secrets;
    std::string said;
    std::string said_of_line;
    Clock::time_point said_at = {};
    std::optional<Clock::time_point> said_of_line_at = {};
  };

  Notifier(StateFile& state, Timing timing);
  [[nodiscard]] Result<void> add_posts(const DeliveryConfig& config);
  [[nodiscard]] Result<void> add_post(std::string name, std::unique_ptr<Receiver> receiver,
                                      const Endpoint& endpoint, Opening opening);

  void run();
  void round();
  void wait();
  void step(Post& post);
  void take_answer(Post& post, const Answer& answer);
  void say(Post& post, Verdict verdict, const Answer& answer);
  void say_of_line(Post& post);
  void say_of_state();
  [[nodiscard]] bool nobody_takes_alerts(Clock::time_point now) const;
  [[nodiscard]] std::optional<std::vector<Alert>> take_update();
  void publish();

  StateFile& state_;
  const Timing timing_;
  UniqueFd wake_;
  Poller poller_;
  std::vector<Post> posts_;
  std::size_t alertmanagers_ = 0;   // the first of the posts
  PagerDuty* pagerduty_ = nullptr;  // one of the posts'
  std::string said_of_state_;

  mutable std::mutex mutex_;
  // Guarded by `mutex_`.
  std::optional<std::vector<Alert>> update_;
  std::vector<Figures> figures_;
  bool stopping_ = false;

  std::thread thread_;  // the last, so that all is there when it begins
};

// The value of the label `receiver`: alertmanager-0, pagerduty, webhook-0.
[[nodiscard]] std::string alertmanager_name(std::size_t index);
[[nodiscard]] std::string webhook_name(std::size_t index);
inline constexpr const char* kPagerDutyName = "pagerduty";

// How the connections are opened.
[[nodiscard]] Opening alertmanager_opening();

}  // namespace kubecliff::delivery
