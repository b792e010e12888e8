// The file of --alerting.config: who this node is, and who is told of its alerts.
//
//   labels: {cluster: prod, node: "${NODE_NAME}"}
//   alertmanagers:
//     - url: http://alertmanager-0.alertmanager:9093
//
// docs/alerting.md lists its keys. `${NAME}` in a value stands for a variable of the environment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/core/options.h"
#include "collectors/core/result.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/delivery/secret.h"

namespace kubecliff::delivery {

// Where a receiver is, and how it knows us.
struct Endpoint {
  std::string url = {};    // http:// or https://, without a slash at its end
  Secret secret_url = {};  // in its place, where nobody is to know it
  std::string ca_file = {};
  std::string username = {};
  Secret password = {};
  Secret token = {};
  Secret routing_key = {};  // PagerDuty's, which stands in the body
  std::chrono::milliseconds timeout{10'000};

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct PagerDutyConfig {
  enum class When : std::uint8_t {
    fallback,  // while no Alertmanager takes alerts
    always,
  };

  Endpoint endpoint{.url = "https://events.pagerduty.com"};
  When when = When::fallback;
  Severity severity = Severity::critical;  // the least that is sent
  std::int64_t rate_limit = 10;            // events a minute
  Duration spread = std::chrono::minutes{2};

  friend bool operator==(const PagerDutyConfig&, const PagerDutyConfig&) = default;
};

struct WebhookConfig {
  Endpoint endpoint = {};
  Severity severity = Severity::info;  // the least that is sent

  friend bool operator==(const WebhookConfig&, const WebhookConfig&) = default;
};

struct DeliveryConfig {
  Labels labels = {};  // of this node, which every alert carries
  Duration interval = std::chrono::seconds{15};
  std::filesystem::path state_file = {};  // none where it is empty
  std::vector<Endpoint> alertmanagers = {};
  std::optional<PagerDutyConfig> pagerduty = {};
  std::vector<WebhookConfig> webhooks = {};

  // Whether the same are told the same way, however often the node is judged.
  [[nodiscard]] bool same_receivers(const DeliveryConfig& other) const {
    return labels == other.labels && state_file == other.state_file &&
           alertmanagers == other.alertmanagers && pagerduty == other.pagerduty &&
           webhooks == other.webhooks;
  }

  friend bool operator==(const DeliveryConfig&, const DeliveryConfig&) = default;
};

// Of each kind, so that the series stay few.
inline constexpr std::size_t kMostReceivers = 8;

// A variable's value; nothing where it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

// The error is one line, `FILE:LINE: KEY: expected …, got …`. It does not say what a value was
// where that may be a secret.
[[nodiscard]] Result<DeliveryConfig> load_delivery_config(
    const std::filesystem::path& file, const Environment& environment = process_environment());
// The same of a text; `name` stands for the file.
[[nodiscard]] Result<DeliveryConfig> parse_delivery_config(
    std::string_view text, std::string_view name,
    const Environment& environment = process_environment());

}  // namespace kubecliff::delivery
