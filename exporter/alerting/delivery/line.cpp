#include "exporter/alerting/delivery/line.h"

#include <sys/epoll.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "exporter/alerting/delivery/text.h"

namespace kubecliff::delivery {
namespace {

using namespace std::chrono_literals;
using Status = curl::Transfers::Status;

// For all that one may want of an answer.
constexpr std::size_t kKeptOfAnswer = std::size_t{4} << 10U;
constexpr std::size_t kMostAnswer = std::size_t{1} << 20U;
constexpr std::size_t kMostWords = 200;
constexpr std::chrono::milliseconds kOpenWithin = 5s;
// Of a receiver that closes its connections with each answer.
constexpr std::chrono::milliseconds kNotKept = 10min;
// libcurl itself would drop what is idle for two minutes.
constexpr std::chrono::hours kLongestIdle{24 * 365};
// Shorter ones are in every text.
constexpr std::size_t kLeastSecret = 4;

struct Received {
  Status status = 0;
  std::string body;
  std::size_t size = 0;
};

// Without the scheme, where a path begins; the end where there is none.
std::size_t path_of(std::string_view url) {
  const std::size_t host = std::min(url.find("://") + 3, url.size());
  return std::min(url.find_first_of("/?", host), url.size());
}

}  // namespace

std::string origin_of(std::string_view url) {
  const std::string_view origin = url.substr(0, path_of(url));
  const std::size_t host = std::min(origin.find("://") + 3, origin.size());
  const std::size_t user = origin.rfind('@');
  return std::string{origin.substr(0, host)}.append(
      origin.substr(user == std::string_view::npos ? host : user + 1));
}

std::string fit_to_print(std::string_view text, const std::vector<std::string>& secrets) {
  std::string words{text};
  for (const std::string& secret : secrets) {
    if (secret.size() < kLeastSecret) {
      continue;
    }
    for (std::size_t at = words.find(secret); at != std::string::npos; at = words.find(secret)) {
      words.replace(at, secret.size(), "***");
    }
  }
  std::string out;
  for (const char byte : words) {
    if (out.size() == kMostWords) {
      break;
    }
    const bool printable = byte > ' ' && byte < '\x7F';
    const bool after_space = out.empty() || out.back() == ' ';
    if (printable || !after_space) {
      out += printable ? byte : ' ';
    }
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

Result<std::unique_ptr<Line>> Line::open(Poller& poller, Endpoint endpoint, Opening opening,
                                         std::uint32_t seed) {
  auto transfers = curl::Transfers::open(poller);
  if (!transfers) {
    return std::unexpected(transfers.error());
  }
  return std::unique_ptr<Line>{
      new Line{poller, std::move(*transfers), std::move(endpoint), std::move(opening), seed}};
}

Line::Line(Poller& poller, std::unique_ptr<curl::Transfers> transfers, Endpoint endpoint,
           Opening opening, std::uint32_t seed)
    : poller_{poller},
      endpoint_{std::move(endpoint)},
      opening_{std::move(opening)},
      pacing_{seed},
      transfers_{std::move(transfers)} {}

Line::~Line() {
  let_go();
}

Result<Line::Secrets> Line::read_secrets() const {
  Secrets secrets{.url = endpoint_.url, .password = {}, .token = {}, .routing_key = {}};
  for (const auto& [secret, text] : {std::pair{&endpoint_.secret_url, &secrets.url},
                                     std::pair{&endpoint_.password, &secrets.password},
                                     std::pair{&endpoint_.token, &secrets.token},
                                     std::pair{&endpoint_.routing_key, &secrets.routing_key}}) {
    if (!secret->given()) {
      continue;
    }
    auto value = secret->read();
    if (!value) {
      return std::unexpected(value.error());
    }
    *text = std::move(*value);
  }
  if (!secrets.url.starts_with("http://") && !secrets.url.starts_with("https://")) {
    return fail(ErrorKind::malformed, endpoint_.secret_url.file.string() +
                                          ": expected a URL that begins with https:// or http://, "
                                          "got something else");
  }
  return secrets;
}

std::size_t Line::secrets_hash() const {
  const auto secrets = read_secrets();
  if (!secrets) {
    return 0;
  }
  return std::hash<std::string>{}(secrets->url + '\n' + secrets->password + '\n' + secrets->token +
                                  '\n' + secrets->routing_key);
}

void Line::send(const Message& message, OnAnswer on_answer) {
  const auto secrets = read_secrets();
  if (!secrets) {
    on_answer({.status = 0, .words = secrets.error().message, .unheard = true});
    return;
  }
  Json body = message.body;
  if (endpoint_.routing_key.given()) {
    body["routing_key"] = secrets->routing_key;
  }
  curl::Request request{.method = "POST",
                        .url = secrets->url + message.path,
                        .headers = {"Content-Type: application/json", "Expect:"},
                        .body = to_text(body),
                        .timeout = endpoint_.timeout,
                        .username = endpoint_.username,
                        .password = secrets->password};
  if (endpoint_.token.given()) {
    request.headers.push_back("Authorization: Bearer " + secrets->token);
  }
  start(request, *secrets, std::move(on_answer));
}

void Line::keep_open(Clock::time_point now) {
  if (!open_at_) {
    open_at_ = now + pacing_.below(opening_.at_start);
  }
  if (busy() || connected() || now < *open_at_) {
    return;
  }
  const auto secrets = read_secrets();
  if (!secrets) {
    failure_ = secrets.error().message;
    unreachable_since_ = unreachable_since_.value_or(now);
    open_at_ = now + opening_.after_close;
    return;
  }
  // A path before it stays; a secret one does not.
  const std::string base = endpoint_.secret_url.given() || opening_.method == "HEAD"
                               ? origin_of(secrets->url)
                               : secrets->url;
  start({.method = opening_.method,
         .url = base + opening_.path,
         .timeout = std::min(endpoint_.timeout, kOpenWithin)},
        *secrets, [](const Answer&) {});
}

Clock::time_point Line::due() const {
  return busy() || connected() ? Clock::time_point::max() : open_at_.value_or(Clock::now());
}

void Line::start(const curl::Request& request, const Secrets& secrets, OnAnswer on_answer) {
  // From here on libcurl may close it, and the next one may have its number.
  let_go();
  curl::Request made = request;
  made.headers.emplace_back("User-Agent: kubecliff");
  made.ca_file = endpoint_.ca_file;
  made.name = request.method + ' ' + origin_of(request.url);
  made.longest_idle = kLongestIdle;
  std::vector<std::string> hidden{secrets.password, secrets.token, secrets.routing_key};
  if (endpoint_.secret_url.given()) {
    hidden.push_back(secrets.url);
    hidden.push_back(secrets.url.substr(path_of(secrets.url)));
  }
  const auto received = std::make_shared<Received>();
  transfer_ = transfers_->start(
      made,
      [received](Status status, std::string_view piece) {
        received->status = status;
        received->size += piece.size();
        received->body.append(piece.substr(0, kKeptOfAnswer - received->body.size()));
        return received->size <= kMostAnswer;
      },
      [this, received, hidden = std::move(hidden),
       answered = std::move(on_answer)](const Result<Status>& status) {
        // What broke off after its first line has said what it means.
        const bool has_status = status || received->size > kMostAnswer;
        const Status said = status ? *status : received->status;
        const Answer answer{
            .status = has_status ? static_cast<int>(said) : 0,
            .words = fit_to_print(status ? received->body : status.error().message, hidden),
            .retry_after = transfers_->ending().retry_after,
            .unheard = !status && (status.error().kind == ErrorKind::unavailable ||
                                   status.error().kind == ErrorKind::denied)};
        ended(answer, status ? transfers_->ending().kept_connection : -1);
        answered(answer);
      });
}

void Line::ended(const Answer& answer, int kept) {
  const Clock::time_point now = Clock::now();
  transfer_.reset();
  if (answer.status == 0) {
    failure_ = answer.words;
    unreachable_since_ = unreachable_since_.value_or(now);
    pacing_.failed(0s, now);
    open_at_ = pacing_.not_before();
    return;
  }
  failure_.clear();
  unreachable_since_.reset();
  pacing_.worked();
  if (kept >= 0) {
    hold(kept);
  } else {
    open_at_ = now + kNotKept / 2 + pacing_.below(kNotKept / 2);
  }
}

void Line::hold(int connection) {
  kept_ = connection;
  poller_.watch(connection, EPOLLRDHUP, [this](std::uint32_t /*events*/) {
    let_go();
    open_at_ = Clock::now() + pacing_.below(opening_.after_close);
  });
}

void Line::let_go() {
  if (kept_ >= 0) {
    poller_.forget(kept_);
    kept_ = -1;
  }
}

}  // namespace kubecliff::delivery
