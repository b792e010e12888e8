// A text of many lines, of which the first is learned: no word of that with kMark in it may be left
// of it, wherever it stands, nor a name, an address and a node beside the text; and what is JSON
// stays it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <tuple>

#include "exporter/evidence/json_lines.h"
#include "exporter/evidence/redact.h"
#include "exporter/evidence/redact_file.h"

namespace {

constexpr std::string_view kSecret = "zyxwvu-secret";
// In no word that stays.
constexpr std::string_view kMark = "zyx";
constexpr std::size_t kLearned = 1'024;  // of one phrase

bool same_keys(const kubecliff::evidence::Json& one, const kubecliff::evidence::Json& other) {
  if (one.type() != other.type() || one.size() != other.size()) {
    return false;
  }
  if (!one.is_structured()) {
    return one.is_string() || one == other;
  }
  for (auto left = one.begin(), right = other.begin(); left != one.end(); ++left, ++right) {
    if ((one.is_object() && left.key() != right.key()) || !same_keys(*left, *right)) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kubecliff::evidence;  // NOLINT(*-using-namespace)

  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string_view phrase = text.substr(0, text.find('\n'));
  Redactor redactor;
  redactor.learn(phrase);
  redactor.learn_node("node-of-ours");
  redactor.learn(std::string{kSecret} + "/cart:http cluster IP");

  const std::string learned{phrase.substr(0, kLearned)};
  for (const std::string& said : {learned, "\"" + learned + "\"", "(" + learned + ") " + learned}) {
    if (redactor.apply(said).contains(kMark)) {
      std::abort();
    }
  }
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
  // What is JSON stays it, with the same keys. To the parser a NUL is the end of it.
  const auto before = Json::parse(text, nullptr, false);
  const auto after = Json::parse(redact_file("x.json", text, redactor), nullptr, false);
  if (!text.contains('\0') && !before.is_discarded() &&
      (after.is_discarded() || !same_keys(before, after))) {
    std::abort();
  }
  std::ignore = redact_file("metrics.txt", text, redactor);
  return 0;
}
