#include "exporter/alerting/delivery/notifier.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <random>
#include <system_error>
#include <tuple>
#include <utility>

#include "exporter/alerting/delivery/alertmanager.h"
#include "exporter/alerting/delivery/webhook.h"
#include "exporter/logging/log.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;
using prometheus::MetricType;

// Nothing that is due is looked at later than that.
constexpr std::chrono::milliseconds kLongestWait = 5s;
// Words that differ each time are not said more often.
constexpr std::chrono::seconds kSayAgain = 60s;

constexpr std::size_t kMostPosts = 2 * kMostReceivers + 1;

constexpr FamilySpec kNotifications{
    .name = "kubecliff_notifications_total",
    .type = MetricType::Counter,
    .help =
        "Messages about alerts that were sent, by what became of them: ok, retried (not taken, "
        "and sent again later), refused.",
    .labels = {"receiver", "result"},
    .max_series = 3 * kMostPosts};
constexpr FamilySpec kPending{
    .name = "kubecliff_notifications_pending",
    .help = "Alerts whose present state the receiver was not told, or did not take.",
    .labels = {"receiver"},
    .max_series = kMostPosts};
constexpr FamilySpec kConnectionOpen{
    .name = "kubecliff_notification_connection_open",
    .help =
        "1 while a connection to the receiver stands, over which alerts go also where the node "
        "makes no new ones.",
    .labels = {"receiver"},
    .max_series = kMostPosts};

Moment moment() {
  return {.steady = Clock::now(), .wall = WallClock::now()};
}

std::uint32_t seed() {
  return std::random_device{}();
}

}  // namespace

std::string alertmanager_name(std::size_t index) {
  return "alertmanager-" + std::to_string(index);
}

std::string webhook_name(std::size_t index) {
  return "webhook-" + std::to_string(index);
}

Opening alertmanager_opening() {
  return {.method = "GET", .path = "/-/healthy"};
}

Result<std::unique_ptr<Notifier>> Notifier::start(const DeliveryConfig& config, StateFile& state,
                                                  Timing timing) try {
  std::unique_ptr<Notifier> made{new Notifier{state, timing}};
  if (!made->wake_.valid()) {
    return fail_errno(errno, "eventfd");
  }
  if (auto added = made->add_posts(config); !added) {
    return std::unexpected(added.error());
  }
  made->publish();
  made->thread_ = std::thread{[notifier = made.get()] { notifier->run(); }};
  return made;
} catch (const std::system_error& error) {
  // The kernel has no descriptors or no threads left.
  return fail(ErrorKind::unavailable, error.code().value(), std::string{"alerts: "} + error.what());
}

Notifier::Notifier(StateFile& state, Timing timing)
    : state_{state}, timing_{timing}, wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {}

Notifier::~Notifier() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  std::ignore = ::eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) {
    thread_.join();
  }
}

Result<void> Notifier::add_posts(const DeliveryConfig& config) {
  alertmanagers_ = config.alertmanagers.size();
  for (std::size_t i = 0; i < alertmanagers_; ++i) {
    if (auto added = add_post(alertmanager_name(i), std::make_unique<Alertmanager>(seed()),
                              config.alertmanagers[i], alertmanager_opening());
        !added) {
      return added;
    }
  }
  if (config.pagerduty) {
    auto made =
        std::make_unique<PagerDuty>(*config.pagerduty, config.labels, state_, moment(), seed());
    pagerduty_ = made.get();
    if (auto added = add_post(kPagerDutyName, std::move(made), config.pagerduty->endpoint, {});
        !added) {
      return added;
    }
  }
  for (std::size_t i = 0; i < config.webhooks.size(); ++i) {
    const WebhookConfig& webhook = config.webhooks[i];
    if (auto added = add_post(webhook_name(i),
                              std::make_unique<Webhook>(config.labels, webhook.severity, seed()),
                              webhook.endpoint, {});
        !added) {
      return added;
    }
  }
  return {};
}

Result<void> Notifier::add_post(std::string name, std::unique_ptr<Receiver> receiver,
                                const Endpoint& endpoint, Opening opening) {
  opening.at_start = timing_.open_within;
  opening.after_close = timing_.open_again_within;
  auto line = Line::open(poller_, endpoint, std::move(opening), seed());
  if (!line) {
    return std::unexpected(line.error());
  }
  posts_.push_back({.figures = {.receiver = std::move(name)},
                    .receiver = std::move(receiver),
                    .line = std::move(*line),
                    .refused_secrets = {},
                    .said = {},
                    .said_of_line = {}});
  return {};
}

void Notifier::update(std::vector<Alert> alerts) {
  {
    const std::lock_guard lock{mutex_};
    update_ = std::move(alerts);
  }
  std::ignore = ::eventfd_write(wake_.get(), 1);
}

std::optional<std::vector<Alert>> Notifier::take_update() {
  const std::lock_guard lock{mutex_};
  return std::exchange(update_, std::nullopt);
}

void Notifier::run() {
  const auto stopping = [this] {
    const std::lock_guard lock{mutex_};
    return stopping_;
  };
  while (!stopping()) {
    try {
      round();
      wait();
    } catch (const std::exception& error) {
      // The kernel has no descriptors or no memory left, which may pass.
      log_error("telling of alerts fails", {{"error", error.what()}});
      eventfd_t count = 0;
      std::ignore = ::eventfd_read(wake_.get(), &count);
      pollfd woken{.fd = wake_.get(), .events = POLLIN, .revents = 0};
      std::ignore = ::poll(&woken, 1, static_cast<int>(kLongestWait.count()));
    }
  }
}

void Notifier::round() {
  if (const auto alerts = take_update()) {
    for (const Post& post : posts_) {
      post.receiver->update(*alerts, moment());
    }
  }
  if (pagerduty_ != nullptr) {
    pagerduty_->set_needed(nobody_takes_alerts(Clock::now()));
  }
  for (Post& post : posts_) {
    step(post);
    say_of_line(post);
  }
  say_of_state();
  publish();
}

void Notifier::wait() {
  const Clock::time_point now = Clock::now();
  Clock::time_point due = now + kLongestWait;
  for (const Post& post : posts_) {
    if (!post.line->busy()) {
      due = std::min({due, post.receiver->due(), post.line->due()});
    }
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(std::max(due, now) - now);
  std::array<pollfd, 2> ready{{{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                               {.fd = poller_.descriptor(), .events = POLLIN, .revents = 0}}};
  if (::poll(ready.data(), ready.size(), static_cast<int>(std::max(left, 1ms).count())) > 0) {
    eventfd_t count = 0;
    std::ignore = ::eventfd_read(wake_.get(), &count);
    poller_.dispatch();
  }
}

void Notifier::step(Post& post) {
  if (post.line->busy()) {
    return;
  }
  if (post.refused_secrets && post.line->secrets_hash() != *post.refused_secrets) {
    post.refused_secrets.reset();
    post.receiver->forget_refusals();
  }
  const auto message = post.receiver->next(moment());
  if (!message) {
    post.line->keep_open(Clock::now());
    return;
  }
  try {
    post.line->send(*message, [this, &post](const Answer& answer) { take_answer(post, answer); });
  } catch (const std::exception& error) {
    take_answer(post, {.status = 0, .words = error.what(), .unheard = true});
  }
}

void Notifier::take_answer(Post& post, const Answer& answer) {
  const Verdict verdict = post.receiver->answered(answer, moment());
  post.refused_secrets.reset();
  switch (verdict) {
    case Verdict::taken:
      ++post.figures.ok;
      break;
    case Verdict::later:
      ++post.figures.retried;
      break;
    case Verdict::refused:
      ++post.figures.refused;
      post.refused_secrets = post.line->secrets_hash();
      break;
  }
  say(post, verdict, answer);
}

void Notifier::say(Post& post, Verdict verdict, const Answer& answer) {
  const std::string& receiver = post.figures.receiver;
  if (verdict == Verdict::taken) {
    if (!post.said.empty()) {
      log_info("alerts are taken again", {{"receiver", receiver}});
    }
    post.said.clear();
    return;
  }
  const std::string error = answer.status == 0
                                ? answer.words
                                : "it answers " + std::to_string(answer.status) +
                                      (answer.words.empty() ? "" : ": " + answer.words);
  const std::string words = (verdict == Verdict::refused ? "refused " : "later ") + error;
  const bool other = post.said.substr(0, post.said.find(' ')) != words.substr(0, words.find(' '));
  const Clock::time_point now = Clock::now();
  if (words == post.said || (!other && now < post.said_at + kSayAgain)) {
    return;
  }
  post.said = words;
  post.said_at = now;
  if (verdict == Verdict::refused) {
    log_error("alerts are refused", {{"receiver", receiver}, {"error", error}});
  } else {
    log_warn("alerts wait to be taken", {{"receiver", receiver}, {"error", error}});
  }
}

// Before there is anything to tell, that is all there is to see of a wrong address.
void Notifier::say_of_line(Post& post) {
  const std::string& failure = post.line->failure();
  const LogField receiver{.key = "receiver", .value = post.figures.receiver};
  if (failure.empty()) {
    if (!post.said_of_line.empty()) {
      log_info("the receiver of alerts is reached again", {receiver});
    }
    post.said_of_line.clear();
    return;
  }
  const Clock::time_point now = Clock::now();
  if (post.said_of_line.empty() && post.said.empty() &&
      (!post.said_of_line_at || now >= *post.said_of_line_at + kSayAgain)) {
    log_warn("the receiver of alerts cannot be reached", {receiver, {"error", failure}});
    post.said_of_line = failure;
    post.said_of_line_at = now;
  }
}

void Notifier::say_of_state() {
  const auto problem = state_.problem();
  const std::string words = problem ? problem->message : "";
  if (words != said_of_state_ && !words.empty()) {
    log_warn("what was told of alerts is not kept over a restart", {{"error", words}});
  }
  said_of_state_ = words;
}

bool Notifier::nobody_takes_alerts(Clock::time_point now) const {
  return std::all_of(posts_.begin(), posts_.begin() + static_cast<std::ptrdiff_t>(alertmanagers_),
                     [&](const Post& post) {
                       const auto& alertmanager = static_cast<const Alertmanager&>(*post.receiver);
                       const auto long_since = [&](const std::optional<Clock::time_point>& since) {
                         return since && *since + timing_.fallback_after <= now;
                       };
                       return long_since(alertmanager.failing_since()) ||
                              long_since(post.line->unreachable_since());
                     });
}

void Notifier::publish() {
  std::vector<Figures> figures;
  for (Post& post : posts_) {
    post.figures.pending = post.receiver->pending();
    if (!post.line->busy()) {
      post.figures.connected = post.line->connected();
    }
    figures.push_back(post.figures);
  }
  const std::lock_guard lock{mutex_};
  figures_ = std::move(figures);
}

void Notifier::add(Samples& out) const {
  const std::lock_guard lock{mutex_};
  for (const Figures& figures : figures_) {
    const auto count = [&](std::string_view result, std::uint64_t value) {
      out.add(kNotifications, {figures.receiver, result}, static_cast<double>(value));
    };
    count("ok", figures.ok);
    count("retried", figures.retried);
    count("refused", figures.refused);
    out.add(kPending, {figures.receiver}, static_cast<double>(figures.pending));
    out.add(kConnectionOpen, {figures.receiver}, figures.connected ? 1 : 0);
  }
}

std::vector<FamilySpec> Notifier::families() {
  return {kNotifications, kPending, kConnectionOpen};
}

}  // namespace kubecliff::delivery
