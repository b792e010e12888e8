// Api: requests to the Kubernetes API server, as the service account of this pod.
//
// Who we are is what Kubernetes mounts into every pod: `token`, which it replaces every hour and is
// read for every request, `ca.crt` and `namespace`. Not thread-safe.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/options.h"
#include "collectors/core/result.h"
#include "collectors/curl/transfers.h"

namespace kubecliff::kube {

struct Answer {
  long status = 0;  // NOLINT(google-runtime-int): as libcurl has it
  std::string body;

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

// What an answer that is not ok() means, in the API server's own words.
[[nodiscard]] Error refusal(std::string_view request, const Answer& answer);
// The same, or why there is no answer.
[[nodiscard]] Error refusal(std::string_view request, const Result<Answer>& answer);

struct ApiSettings {
  std::string url;  // empty: where Kubernetes tells every pod that it is
  std::filesystem::path credentials;
  std::string name_space = {};  // empty: the pod's own
};

// The settings `<collector>.api-server`, `<collector>.credentials` and `<collector>.namespace`.
[[nodiscard]] ApiSettings api_settings(const Options& options, std::string_view collector);

struct ApiOptionNames {
  std::string_view api_server;
  std::string_view credentials;
  std::string_view name_space;
};
// Those three. `namespace_help` says what of the collector's is in it.
[[nodiscard]] std::vector<OptionSpec> api_options(const ApiOptionNames& names,
                                                  std::string_view namespace_help);

// In a pod the pod's, with the host's network the node's.
[[nodiscard]] std::string host_name();

class Api {
 public:
  using OnAnswer = std::function<void(Result<Answer> answer)>;

  // `transfers` must outlive it. Errors say what is missing: this is no pod, no token, no file that
  // vouches for the server.
  [[nodiscard]] static Result<Api> open(ApiSettings settings, curl::Transfers& transfers);

  [[nodiscard]] const std::string& name_space() const { return settings_.name_space; }

  // `path` begins with a slash. An answer of more than a MiB is malformed. Where there is no token
  // to be read, both call back before they return.
  void call(std::string_view method, std::string_view path, std::string body, OnAnswer on_answer);

  // A response that has no end of its own; given up when it was silent for that long.
  curl::Transfers::Id stream(std::string_view path, std::chrono::seconds silence,
                             curl::Transfers::OnBody on_body, curl::Transfers::OnEnd on_end);
  void cancel(curl::Transfers::Id id) { transfers_->cancel(id); }

 private:
  Api(ApiSettings settings, curl::Transfers& transfers)
      : settings_{std::move(settings)}, transfers_{&transfers} {}

  [[nodiscard]] Result<curl::Request> request(std::string_view method, std::string_view path) const;

  ApiSettings settings_;
  curl::Transfers* transfers_;
};

}  // namespace kubecliff::kube
