#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/kubeproxy/endpoint.h"
#include "collectors/kubeproxy/http_get.h"
#include "exporter/evidence/gather.h"
#include "exporter/evidence/json_lines.h"
#include "exporter/preflight/facts.h"
#include "exporter/preflight/kube_proxy.h"

namespace kubecliff::evidence {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostAnswer = std::size_t{4} << 10U;

std::string metrics_url(const Settings& settings) {
  const auto options = settings.collectors.find("kubeproxy");
  return options == settings.collectors.end() ? "http://127.0.0.1:10249"
                                              : options->second.get<std::string>("kubeproxy.url");
}

// A line on what one path answers; a failure is an answer too.
Json ask(const kubeproxy::Endpoint& endpoint, std::string_view path) {
  std::string body;
  const auto begin = Clock::now();
  const Result<void> got =
      kubeproxy::http_get(endpoint, path, {.body_bytes = kMostAnswer, .time = 1s},
                          [&body](std::string_view piece) -> Result<void> {
                            body += piece;
                            return {};
                          });
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  Json json{{"url", "http://" + endpoint.authority + std::string{path}}, {"ok", got.has_value()}};
  json["milliseconds"] = took.count();
  json[got ? "answer" : "error"] = clean(got ? body : got.error().message);
  return json;
}

Gathered gather_health(const Question& question) {
  Gathered gathered;
  Lines lines{kUsual.file};
  const auto metrics = kubeproxy::parse_endpoint(metrics_url(question.settings));
  // healthzBindAddress's default port; it is open to other machines, for load balancers.
  const auto health = kubeproxy::parse_endpoint("http://127.0.0.1:10256");
  for (const auto& [endpoint, path] :
       {std::pair{metrics, "/healthz"}, std::pair{metrics, "/proxyMode"},
        std::pair{health, "/healthz"}, std::pair{health, "/livez"}}) {
    if (endpoint) {
      lines.add(ask(*endpoint, path));
    }
  }
  gathered.files.push_back({.name = "kube-proxy/health.jsonl", .content = lines.take()});
  return gathered;
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(clean(text));
}
Json or_null(const std::optional<std::string>& text) {
  return text ? Json(clean(*text)) : Json(nullptr);
}

Json settings_json(const preflight::KubeProxySettings& settings) {
  Json json{{"mode", or_null(settings.mode)},
            {"cluster_cidr", or_null(settings.cluster_cidr)},
            {"detect_local_mode", or_null(settings.detect_local_mode)},
            {"scheduler", or_null(settings.scheduler)},
            {"strict_arp", or_null(settings.strict_arp)},
            {"localhost_node_ports", or_null(settings.localhost_node_ports)},
            {"masquerade_all", or_null(settings.masquerade_all)},
            {"tcp_be_liberal", or_null(settings.tcp_be_liberal)}};
  json["node_ports_on"] = nullptr;
  if (settings.node_ports_on) {
    json["node_ports_on"] = Json::array();
    for (std::size_t i = 0; i < std::min<std::size_t>(settings.node_ports_on->size(), 64); ++i) {
      json["node_ports_on"].push_back(clean((*settings.node_ports_on)[i]));
    }
  }
  return json;
}

// No more than preflight takes: a command line and a configuration may name other things.
Gathered gather_settings(const Question& question) {
  Gathered gathered;
  const preflight::KubeProxy proxy = preflight::look_at_kube_proxy(
      {.procfs = question.settings.procfs, .url = metrics_url(question.settings)}, Clock::now());
  if (proxy.settings_from != preflight::kFromCommandLine) {
    Names path;
    path.add_parts(proxy.settings_from);
    gathered.names = path.take();
  }
  const Json json{{"version", or_null(proxy.version)},
                  {"settings_from", or_null(proxy.settings_from)},
                  {"settings", proxy.settings ? settings_json(*proxy.settings) : Json(nullptr)}};
  for (const auto& [what, reason] :
       {std::pair{"version", proxy.version_unread}, std::pair{"settings", proxy.settings_unread}}) {
    if (!reason.empty()) {
      gathered.missed.push_back(
          {.name = std::string{"kube-proxy/settings.json: "} + what, .reason = reason});
    }
  }
  gathered.files.push_back(
      {.name = "kube-proxy/settings.json",
       .content = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"});
  return gathered;
}

}  // namespace

void add_kube_proxy_sources(const QuestionPtr& question, std::vector<Source>& sources) {
  sources.push_back({.name = "kube-proxy's health", .deadline = 5s, .gather = [question] {
                       return gather_health(*question);
                     }});
  sources.push_back({.name = "kube-proxy's settings", .deadline = 7s, .gather = [question] {
                       return gather_settings(*question);
                     }});
}

}  // namespace kubecliff::evidence
