#include "collectors/kube/api.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <utility>

#include "collectors/kernel/procfs.h"
#include "collectors/kube/json.h"

namespace kubecliff::kube {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAnswer = std::size_t{1} << 20U;
constexpr std::chrono::milliseconds kAnswerWithin = 15s;
// As long as one line of an error.
constexpr std::size_t kMostWords = 300;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing sets it
  return value == nullptr ? "" : value;
}

std::string without_newline(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  return text;
}

// Which the pod's credentials hold, such as the token.
Result<std::string> read_credential(const std::filesystem::path& file) {
  auto text = read_file(file);
  if (!text) {
    return prefixed("what the pod is to the API server (its service account)", text.error());
  }
  return without_newline(std::move(*text));
}

Result<std::string> in_cluster_url() {
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  const std::string port = environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || port.empty()) {
    return fail(
        ErrorKind::unavailable,
        "no API server: KUBERNETES_SERVICE_HOST and _PORT are not set, as they are in every "
        "pod; name it with api-server");
  }
  const bool ipv6 = host.find(':') != std::string::npos;
  return "https://" + (ipv6 ? "[" + host + "]" : host) + ":" + port;
}

ErrorKind kind_of(const Answer& answer) {
  switch (answer.status) {
    case 401:
    case 403:
      return ErrorKind::denied;
    case 409:
    case 410:
      return ErrorKind::torn;
    case 408:
    case 504:
      return ErrorKind::timeout;
    default:
      return answer.ok() ? ErrorKind::malformed : ErrorKind::unavailable;
  }
}

bool is_api_server(std::string_view url) {
  return url.empty() || ((url.starts_with("https://") || url.starts_with("http://")) &&
                         !url.ends_with('/') && url.find_first_of(" ?#") == std::string_view::npos);
}

}  // namespace

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Error refusal(std::string_view request, const Answer& answer) {
  const auto status = parse_object(answer.body);
  std::string words = status ? text(member(*status, "message")).substr(0, kMostWords) : "";
  if (!words.empty()) {
    words.insert(0, ": ");
  }
  return {.kind = kind_of(answer),
          .message = std::string{request} + ": the API server answers " +
                     std::to_string(answer.status) + words};
}

ApiSettings api_settings(const Options& options, std::string_view collector) {
  const auto given = [&](std::string_view option) {
    return options.get<std::string>(std::string{collector} + "." + std::string{option});
  };
  return {.url = given("api-server"),
          .credentials = given("credentials"),
          .name_space = given("namespace")};
}

Error refusal(std::string_view request, const Result<Answer>& answer) {
  return answer ? refusal(request, *answer) : answer.error();
}

std::vector<OptionSpec> api_options(const ApiOptionNames& names, std::string_view namespace_help) {
  return {{.name = names.api_server,
           .default_value = std::string{},
           .help = "The API server, where this is no pod of its cluster.",
           .accepts = &is_api_server,
           .expected = "https://HOST:PORT, or nothing for the pod's own"},
          {.name = names.credentials,
           .default_value = std::string{"/var/run/secrets/kubernetes.io/serviceaccount"},
           .help = "Folder with token, ca.crt and namespace, as mounted into every pod."},
          {.name = names.name_space, .default_value = std::string{}, .help = namespace_help}};
}

Result<Api> Api::open(ApiSettings settings, curl::Transfers& transfers) {
  if (settings.url.empty()) {
    auto url = in_cluster_url();
    if (!url) {
      return std::unexpected(url.error());
    }
    settings.url = std::move(*url);
  }
  if (settings.name_space.empty()) {
    auto name_space = read_credential(settings.credentials / "namespace");
    if (!name_space) {
      return std::unexpected(name_space.error());
    }
    settings.name_space = std::move(*name_space);
  }
  Api api{std::move(settings), transfers};
  // So that what is missing is said now.
  if (auto request = api.request("GET", "/"); !request) {
    return std::unexpected(request.error());
  }
  return api;
}

Result<curl::Request> Api::request(std::string_view method, std::string_view path) const {
  curl::Request request{.method = std::string{method},
                        .url = settings_.url + std::string{path},
                        .headers = {"Accept: application/json", "User-Agent: kubecliff"}};
  // Without TLS, as behind `kubectl proxy`, nobody is to see the token.
  if (settings_.url.starts_with("https://")) {
    const auto token = read_credential(settings_.credentials / "token");
    if (!token) {
      return std::unexpected(token.error());
    }
    request.headers.push_back("Authorization: Bearer " + *token);
    request.ca_file = settings_.credentials / "ca.crt";
  }
  return request;
}

void Api::call(std::string_view method, std::string_view path, std::string body,
               OnAnswer on_answer) {
  auto made = request(method, path);
  if (!made) {
    on_answer(std::unexpected(made.error()));
    return;
  }
  made->timeout = kAnswerWithin;
  if (!body.empty()) {
    made->headers.emplace_back("Content-Type: application/json");
    made->body = std::move(body);
  }
  const auto answer = std::make_shared<Answer>();
  transfers_->start(
      *made,
      [answer](curl::Transfers::Status, std::string_view piece) {
        answer->body += piece;
        return answer->body.size() <= kMostAnswer;
      },
      [answer, on_answer = std::move(on_answer)](const Result<curl::Transfers::Status>& status) {
        if (answer->body.size() > kMostAnswer) {
          on_answer(fail(ErrorKind::malformed, "the API server's answer has more than a MiB"));
          return;
        }
        if (!status) {
          on_answer(std::unexpected(status.error()));
          return;
        }
        answer->status = *status;
        on_answer(std::move(*answer));
      });
}

curl::Transfers::Id Api::stream(std::string_view path, std::chrono::seconds silence,
                                curl::Transfers::OnBody on_body, curl::Transfers::OnEnd on_end) {
  auto made = request("GET", path);
  if (!made) {
    on_end(std::unexpected(made.error()));
    return 0;
  }
  made->silence = silence;
  return transfers_->start(*made, std::move(on_body), std::move(on_end));
}

}  // namespace kubecliff::kube
