#include <algorithm>
#include <array>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/core/dataplane_signs.h"
#include "collectors/core/service_endpoints.h"
#include "collectors/curl/library.h"
#include "collectors/curl/multi.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"
#include "exporter/http/exposition.h"
#include "exporter/runner/snapshot.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;

// Those that only read, in the order in which they tell each other: `restore` waits for events,
// `traversal`, `propagation` and `probe` send.
constexpr std::array<std::string_view, 9> kAsked{
    "iptables",  "nftables", "ipvs", "conntrack", "conntrack.flows",
    "kubeproxy", "sockets",  "nic",  "dataplane"};

// What the collectors found so far, whichever thread asked them.
class Readings {
 public:
  explicit Readings(QuestionPtr question) : question_{std::move(question)} {
    Samples samples;
    add_build_info(question_->build, samples);
    publish(samples);
  }

  // What went wrong, in words.
  Gathered ask(std::string_view name) {
    Gathered gathered;
    const auto miss = [&](const std::string& reason) {
      gathered.missed.push_back({.name = "metrics.txt: " + std::string{name}, .reason = reason});
    };
    const auto options = question_->settings.collectors.find(name);
    const auto spec = std::ranges::find(question_->specs, name, &CollectorSpec::name);
    if (options == question_->settings.collectors.end() || spec == question_->specs.end()) {
      miss("the collector is switched off");
      return gathered;
    }
    CollectorContext context{.options = options->second, .procfs = question_->settings.procfs};
    context.dataplane_signs = signs_;
    context.service_endpoints = endpoints_;
    const auto collector = spec->make(context);
    if (!collector) {
      miss(collector.error().message);
      return gathered;
    }
    Samples samples;
    if (const auto refreshed = (*collector)->refresh(now_, samples); !refreshed) {
      miss(refreshed.error().message);
      return gathered;
    }
    if (name == "dataplane") {
      // It gives others half a minute to tell. They have had their turn.
      Samples later;
      const auto again = (*collector)->refresh(now_ + 31s, later);
      if (again && !later.empty()) {
        samples = std::move(later);
      }
    }
    for (const Error& error : samples.misses()) {
      miss(error.message);
    }
    publish(samples);
    return gathered;
  }

  [[nodiscard]] Gathered render() {
    const std::lock_guard lock{mutex_};
    return {.files = {{.name = "metrics.txt",
                       .content = http::render(http::Format::text_0_0_4, snapshots_)}}};
  }

 private:
  void publish(Samples& samples) {
    auto snapshot = std::make_shared<const Snapshot>(Snapshot{.families = samples.take()});
    const std::lock_guard lock{mutex_};
    snapshots_.push_back(std::move(snapshot));
  }

  const QuestionPtr question_;
  const Clock::time_point now_ = Clock::now();
  const std::shared_ptr<DataplaneSigns> signs_ = std::make_shared<DataplaneSigns>();
  const std::shared_ptr<ServiceEndpoints> endpoints_ = std::make_shared<ServiceEndpoints>();
  std::mutex mutex_;
  std::vector<SnapshotPtr> snapshots_;  // guarded by mutex_
};

// Its certificate is not verified: it is most often this machine's, under another name, and nothing
// secret is sent.
Result<std::string> get(const std::string& url, std::size_t most_bytes) {
  const auto library = curl::library();
  if (!library) {
    return std::unexpected(library.error());
  }
  const curl::Library& curl = **library;
  const curl::Easy easy{curl.easy_init(), {&curl}};
  if (!easy) {
    return fail(ErrorKind::internal, "libcurl gives no handle");
  }
  struct Body {
    std::string text;
    std::size_t most = 0;
  } body{.text = {}, .most = most_bytes};
  constexpr std::chrono::milliseconds kWithin = 3s;
  curl.easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl.easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl.easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl.easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(kWithin.count()));
  curl.easy_setopt(easy.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl.easy_setopt(easy.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  curl.easy_setopt(easy.get(), CURLOPT_WRITEDATA, &body);
  curl.easy_setopt(
      easy.get(), CURLOPT_WRITEFUNCTION,
      +[](char* piece, std::size_t size, std::size_t count, void* to) -> std::size_t {
        Body& into = *static_cast<Body*>(to);
        if (size * count > into.most - into.text.size()) {
          return 0;  // ends the transfer with an error
        }
        into.text.append(piece, size * count);
        return size * count;
      });
  const CURLcode code = curl.easy_perform(easy.get());
  if (code != CURLE_OK) {
    return fail(code == CURLE_OPERATION_TIMEDOUT ? ErrorKind::timeout : ErrorKind::unavailable,
                url + ": " +
                    (code == CURLE_WRITE_ERROR ? "the answer is longer than it can be"
                                               : curl.easy_strerror(code)));
  }
  long status = 0;
  curl.easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 && status != 503) {  // 503: not ready, in words
    return fail(ErrorKind::unavailable, url + ": it answers " + std::to_string(status));
  }
  return std::move(body.text);
}

// Values of the labels that a configuration or the node gives.
std::vector<std::string> configured_names(std::string_view metrics) {
  Names names;
  for (const std::string_view label : {"device=\"", "instance=\"", "node=\"", "query=\"",
                                       "receiver=\"", "server=\"", "target=\""}) {
    for (std::size_t at = metrics.find(label); at != std::string_view::npos;
         at = metrics.find(label, at + 1)) {
      const std::string_view value = metrics.substr(at + label.size());
      names.add(value.substr(0, value.find('"')));
    }
  }
  return names.take();
}

Gathered gather_path(const Question& question, std::string_view path, const std::string& file) {
  std::string url = question.url;
  while (url.ends_with('/')) {
    url.pop_back();
  }
  Gathered gathered;
  if (auto text = get(url + std::string{path}, kUsual.file)) {
    gathered.names = configured_names(*text);
    gathered.files.push_back({.name = file, .content = std::move(*text)});
  } else {
    gathered.missed.push_back({.name = file, .reason = text.error().message});
  }
  return gathered;
}

}  // namespace

void add_metrics_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  const auto readings = std::make_shared<Readings>(question);
  for (const std::string_view name : kAsked) {
    sources.push_back({.name = "collector " + std::string{name},
                       .deadline = 10s,
                       .gather = [readings, name] { return readings->ask(name); }});
  }
  sources.push_back(
      {.name = "metrics", .deadline = 2s, .gather = [readings] { return readings->render(); }});
}

void add_daemon_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  const std::string metrics = question->settings.telemetry_path;
  for (const auto& [path, file] : {std::pair<std::string, std::string>{metrics, "metrics.txt"},
                                   {"/-/ready", "daemon/ready.txt"},
                                   {"/api/v1/report", "report/daemon.json"}}) {
    sources.push_back(
        {.name = "daemon " + path, .deadline = 4s, .gather = [question, path = path, file = file] {
           return gather_path(*question, path, file);
         }});
  }
}

}  // namespace kubecliff::evidence
