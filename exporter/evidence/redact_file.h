// Redaction by structure: of JSON the values that are texts, of metrics the values of labels, of
// anything else all of it. Keys, and names of metrics and labels, stay. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "exporter/evidence/redact.h"

namespace kubecliff::evidence {

// By what the file is called: *.json and *.jsonl, metrics.txt, any other.
[[nodiscard]] std::string redact_file(std::string_view name, std::string_view content,
                                      Redactor& redactor);

// The value of a label behind its opening quote, without escapes; it and its closing quote are
// taken from `text`.
[[nodiscard]] std::string take_label_value(std::string_view& text);

}  // namespace kubecliff::evidence
