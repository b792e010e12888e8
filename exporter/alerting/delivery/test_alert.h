// One alert, KubecliffTest, to every receiver, to see whether it comes through.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "collectors/core/result.h"
#include "exporter/alerting/alert.h"
#include "exporter/alerting/delivery/config.h"

namespace kubecliff::delivery {

struct TestOutcome {
  std::string receiver;
  bool taken = false;
  std::string words;  // what was answered, or why nothing was
  std::chrono::milliseconds took{};
};

// PagerDuty and webhooks are told of its end too; Alertmanagers, that it ends in five minutes.
// Neither the least severity of a receiver nor its limits count here. Unavailable where libcurl is
// not installed.
[[nodiscard]] Result<std::vector<TestOutcome>> send_test_alert(const DeliveryConfig& config,
                                                               Severity severity);

}  // namespace kubecliff::delivery
