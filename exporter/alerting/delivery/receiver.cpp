#include "exporter/alerting/delivery/receiver.h"

namespace kubecliff::delivery {

Verdict usual_verdict(const Answer& answer) {
  if (answer.status >= 200 && answer.status < 300) {
    return Verdict::taken;
  }
  const bool for_now =
      answer.status < 200 || answer.status >= 500 || answer.status == 408 || answer.status == 429;
  return for_now ? Verdict::later : Verdict::refused;
}

}  // namespace kubecliff::delivery
