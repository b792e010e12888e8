// A text of many lines: what its first line names must be nowhere in what is left of the rest, nor
// any address of private networks, and redacting twice must change nothing that is still told.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "exporter/evidence/redact.h"

namespace {

constexpr std::string_view kSecret = "zyxwvu-secret";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff::evidence;  // NOLINT(*-using-namespace)

  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string_view phrase = text.substr(0, text.find('\n'));
  Redactor redactor;
  redactor.keep_json_keys(text);
  redactor.keep_metric_names(text);
  redactor.learn(phrase);
  redactor.learn_node("node-of-ours");
  redactor.learn(std::string{kSecret} + "/cart:http cluster IP");

  const std::string with_secret =
      std::string{text} + " " + std::string{kSecret} + " [192.168.77.66]:80 node-of-ours\n";
  const std::string redacted = redactor.apply(with_secret);
  const bool says_secret = redacted.contains(std::string{kSecret} + " ") && !text.contains(kSecret);
  const bool says_address = redacted.contains("192.168.77.66") && !text.contains("192.168.77.66");
  const bool says_node = redacted.contains("node-of-ours");
  // Only where the text made it a word of its own, and so one to be kept, may it stay.
  if ((says_secret || says_address || says_node) && !text.contains("node-of-ours")) {
    std::abort();
  }
  return 0;
}
