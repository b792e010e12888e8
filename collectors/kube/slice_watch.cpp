#include "collectors/kube/slice_watch.h"

#include <utility>

namespace kubecliff::kube {
namespace {

using namespace std::chrono_literals;

// How long the API server is asked to let a watch go on, with as much again for some.
constexpr std::chrono::milliseconds kWatchFor = 300s;
// Bookmarks come every minute.
constexpr std::chrono::seconds kSilence = 180s;
// What happened before a watch began comes as soon as it has begun.
constexpr std::chrono::milliseconds kLate = 1s;
// Between two watches, the first of which ended as agreed.
constexpr std::chrono::milliseconds kPause = 1s;
constexpr std::size_t kMostRefusal = 4'096;

}  // namespace

SliceWatch::SliceWatch(Poller& poller, Api& api, std::string slice, const Backoff& backoff,
                       Observer observer)
    : api_{api},
      slice_{std::move(slice)},
      observer_{std::move(observer)},
      timer_{poller, [this] { next(); }},
      backoff_{backoff} {
  timer_.set(Clock::now());
}

SliceWatch::~SliceWatch() {
  api_.cancel(stream_);
}

void SliceWatch::next() {
  ++requests_;
  if (version_.empty()) {
    discover();
  } else if (resource_version_.empty()) {
    list();
  } else {
    watch();
  }
}

void SliceWatch::discover() {
  api_.call("GET", kDiscoveryGroup, {}, [this](const Result<Answer>& answer) {
    if (!answer || !answer->ok()) {
      failed(refusal(kDiscoveryGroup, answer));
      return;
    }
    auto version = decode_discovery(answer->body);
    if (!version) {
      failed(version.error());
      return;
    }
    version_ = std::move(*version);
    next();
  });
}

void SliceWatch::list() {
  // As the API server's memory has it, without asking etcd; but another server's may be behind what
  // was seen already.
  const std::string where =
      path("&resourceVersion=" + (seen_version_.empty() ? std::string{"0"} : seen_version_));
  api_.call("GET", where, {}, [this, where](const Result<Answer>& answer) {
    if (!answer || !answer->ok()) {
      version_.clear();  // of another version, perhaps, since an upgrade
      seen_version_.clear();
      failed(refusal("GET " + where, answer));
      return;
    }
    auto list = decode_slice_list(answer->body);
    if (!list) {
      failed(list.error());
      return;
    }
    resource_version_ = seen_version_ = std::move(list->resource_version);
    if (list->slice) {
      observer_.on_slice(*list->slice, Timing::late);
    } else {
      observer_.on_absent();
    }
    next();
  });
}

void SliceWatch::watch() {
  lines_ = {};
  stream_error_.reset();
  refused_.clear();
  watching_since_.reset();
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(kWatchFor + backoff_.below(kWatchFor));
  stream_ = api_.stream(
      path("&watch=1&allowWatchBookmarks=true&resourceVersion=" + resource_version_ +
           "&timeoutSeconds=" + std::to_string(seconds.count())),
      kSilence,
      [this](curl::Transfers::Status status, std::string_view piece) {
        if (status != 200) {
          refused_ += piece;
          return refused_.size() < kMostRefusal;
        }
        if (!watching_since_) {
          watching_since_ = Clock::now();
          failure_.reset();
        }
        if (!lines_.feed(piece, [this](std::string_view line) { return take_line(line); })) {
          if (!stream_error_) {
            stream_error_ = Error{.kind = ErrorKind::malformed,
                                  .message = "watch of " + slice_ + ": a line is too long"};
          }
          return false;
        }
        return true;
      },
      [this](const Result<curl::Transfers::Status>& status) { watch_ended(status); });
}

bool SliceWatch::take_line(std::string_view line) {
  if (resource_version_.empty()) {
    return true;  // it said that it ends
  }
  const Clock::time_point now = Clock::now();
  auto event = decode_watch_event(line);
  if (!event) {
    stream_error_ = event.error();
    return false;
  }
  if (event->kind == WatchEvent::Kind::error) {
    // With this it ends, and the connection is good for the next request.
    resource_version_.clear();
    // 410 is how it says that too much has happened since.
    if (event->code != 410) {
      stream_error_ = Error{.kind = ErrorKind::unavailable,
                            .message = "watch of " + slice_ + ": the API server says " +
                                       std::to_string(event->code) + ": " + event->message};
    }
    return true;
  }
  resource_version_ = seen_version_ = event->slice.resource_version;
  if (event->kind == WatchEvent::Kind::present) {
    observer_.on_slice(event->slice, now - *watching_since_ < kLate ? Timing::late : Timing::live);
  } else if (event->kind == WatchEvent::Kind::deleted) {
    observer_.on_absent();
  }
  return true;
}

void SliceWatch::watch_ended(const Result<curl::Transfers::Status>& status) {
  stream_ = 0;
  const bool lasted = watching_since_ && Clock::now() - *watching_since_ > kPause;
  if (lasted) {
    backoff_.reset();
  }
  const bool too_old = resource_version_.empty() || (status && *status == 410);
  if (stream_error_) {
    resource_version_.clear();
    failed(*std::exchange(stream_error_, {}));
  } else if (too_old) {
    // No failure, but after a restart of the API server that of every node.
    resource_version_.clear();
    timer_.set(Clock::now() + backoff_.next());
  } else if (status && *status != 200) {
    // One that is overloaded is not asked for more than the watch.
    if (*status == 404) {
      resource_version_.clear();
      version_.clear();
    }
    failed(refusal("watch of " + slice_, {.status = *status, .body = refused_}));
  } else if (status && lasted) {
    timer_.set(Clock::now() + backoff_.below(kPause));
  } else {
    failed(status ? Error{.kind = ErrorKind::torn,
                          .message = "watch of " + slice_ + " ended as soon as it had begun"}
                  : status.error());
  }
}

void SliceWatch::failed(Error error) {
  failure_ = std::move(error);
  timer_.set(Clock::now() + backoff_.next());
}

std::string SliceWatch::path(std::string_view query) const {
  return slices_path(version_, api_.name_space()) + "?fieldSelector=metadata.name%3D" + slice_ +
         std::string{query};
}

}  // namespace kubecliff::kube
