#include "exporter/http/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include "exporter/http/ascii.h"
#include "exporter/http/preferences.h"

namespace kubecliff::http {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Bytes of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7); 0 for
// none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto continues = [&](std::size_t at, unsigned low = 0x80, unsigned high = 0xBF) {
    return at < text.size() && byte(at) >= low && byte(at) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return continues(1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

enum class Quotes : std::uint8_t { as_they_are, escaped };

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
  const auto plain = [&](char byte) {
    return static_cast<unsigned char>(byte) < 0x80 && byte != '\\' && byte != '\n' &&
           (byte != '"' || quotes == Quotes::as_they_are);
  };
  for (;;) {
    const auto special = std::ranges::find_if_not(text, plain);
    out.append(text.begin(), special);
    if (special == text.end()) {
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(special - text.begin()));

    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += kReplacement;
    } else if (text.front() == '\\') {
      out += "\\\\";
    } else if (text.front() == '\n') {
      out += "\\n";
    } else if (text.front() == '"') {
      out += "\\\"";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

template <typename Number>
  requires std::integral<Number> || std::floating_point<Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;  // NOLINT(*-init-variables): written before it is read
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_value(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    append_number(out, value);
  }
}

// Writes one family at a time onto the end of a text.
class Writer {
 public:
  Writer(Format format, std::string& out) : format_{format}, out_{out} {}

  void write(const MetricFamily& family) {
    const bool counter = family.type == MetricType::Counter;
    const bool total = std::string_view{family.name}.ends_with(kTotal);
    std::string_view described = family.name;
    if (open_metrics() && counter && total) {
      described.remove_suffix(kTotal.size());
    }

    out_.append("# HELP ").append(described).append(1, ' ');
    append_escaped(out_, family.help, open_metrics() ? Quotes::escaped : Quotes::as_they_are);
    out_.append("\n# TYPE ").append(described).append(1, ' ');
    out_ += open_metrics() && counter && !total ? unknown() : type_name(family.type);
    out_ += '\n';

    for (const ClientMetric& metric : family.metric) {
      write(family, metric);
    }
  }

 private:
  [[nodiscard]] bool open_metrics() const { return format_ == Format::openmetrics_1_0_0; }
  [[nodiscard]] std::string_view unknown() const { return open_metrics() ? "unknown" : "untyped"; }

  [[nodiscard]] std::string_view type_name(MetricType type) const {
    switch (type) {
      case MetricType::Counter:
        return "counter";
      case MetricType::Gauge:
        return "gauge";
      case MetricType::Summary:
        return "summary";
      case MetricType::Histogram:
        return "histogram";
      case MetricType::Untyped:
        break;
    }
    return unknown();
  }

  void write(const MetricFamily& family, const ClientMetric& metric) {
    switch (family.type) {
      case MetricType::Counter:
        sample(family, metric, "", metric.counter.value);
        break;
      case MetricType::Gauge:
        sample(family, metric, "", metric.gauge.value);
        break;
      case MetricType::Untyped:
        sample(family, metric, "", metric.untyped.value);
        break;
      case MetricType::Summary:
        for (const auto& quantile : metric.summary.quantile) {
          sample(family, metric, "", quantile.value, "quantile", quantile.quantile);
        }
        sample(family, metric, "_sum", metric.summary.sample_sum);
        sample(family, metric, "_count", metric.summary.sample_count);
        break;
      case MetricType::Histogram:
        histogram(family, metric);
        break;
    }
  }

  void histogram(const MetricFamily& family, const ClientMetric& metric) {
    double last = -HUGE_VAL;
    for (const auto& bucket : metric.histogram.bucket) {
      sample(family, metric, "_bucket", bucket.cumulative_count, "le", bucket.upper_bound);
      last = bucket.upper_bound;
    }
    if (last != HUGE_VAL) {
      sample(family, metric, "_bucket", metric.histogram.sample_count, "le", HUGE_VAL);
    }
    sample(family, metric, "_sum", metric.histogram.sample_sum);
    sample(family, metric, "_count", metric.histogram.sample_count);
  }

  // `bound_name` is `le` or `quantile`: a label that is a number, after the others.
  template <typename Value>
  void sample(const MetricFamily& family, const ClientMetric& metric, std::string_view suffix,
              Value value, std::string_view bound_name = {}, double bound = 0) {
    out_.append(family.name).append(suffix);
    char separator = '{';
    for (const auto& label : metric.label) {
      out_.append(1, separator).append(label.name).append("=\"");
      append_escaped(out_, label.value, Quotes::escaped);
      out_ += '"';
      separator = ',';
    }
    if (!bound_name.empty()) {
      out_.append(1, separator).append(bound_name).append("=\"");
      append_bound(bound);
      out_ += '"';
      separator = ',';
    }
    if (separator == ',') {
      out_ += '}';
    }
    out_ += ' ';
    if constexpr (std::floating_point<Value>) {
      append_value(out_, value);
    } else {
      append_number(out_, value);
    }
    if (metric.timestamp_ms != 0) {
      append_timestamp(metric.timestamp_ms);
    }
    out_ += '\n';
  }

  // OpenMetrics wants bounds to look like floats: 1.0, not 1.
  void append_bound(double bound) {
    const std::size_t start = out_.size();
    append_value(out_, bound);
    if (open_metrics() && std::isfinite(bound) &&
        out_.find_first_of(".e", start) == std::string::npos) {
      out_ += ".0";
    }
  }

  // Milliseconds in the text format, seconds in OpenMetrics.
  void append_timestamp(std::int64_t milliseconds) {
    out_ += ' ';
    if (open_metrics()) {
      append_value(out_, static_cast<double>(milliseconds) / 1'000);
    } else {
      append_number(out_, milliseconds);
    }
  }

  Format format_;
  std::string& out_;
};

// A version that is not named is the newest that we have.
bool version_is(const Preference& preference, std::string_view version) {
  constexpr std::string_view kKey = "version=";
  return std::ranges::all_of(preference.parameters, [&](std::string_view parameter) {
    return !ascii_iequal(parameter.substr(0, kKey.size()), kKey) ||
           parameter.substr(kKey.size()) == version;
  });
}

}  // namespace

Format negotiate(std::string_view accept) {
  double text = 0;
  double open_metrics = 0;
  for (const Preference& preference : parse_preferences(accept)) {
    if (ascii_iequal(preference.value, "application/openmetrics-text") &&
        version_is(preference, "1.0.0")) {
      open_metrics = std::max(open_metrics, preference.quality);
    } else if (ascii_iequal(preference.value, "text/plain") && version_is(preference, "0.0.4")) {
      text = std::max(text, preference.quality);
    }
  }
  // A tie goes to the format with the stricter rules, as it does in Prometheus' own client.
  return open_metrics > 0 && open_metrics >= text ? Format::openmetrics_1_0_0 : Format::text_0_0_4;
}

std::string_view content_type(Format format) {
  return format == Format::openmetrics_1_0_0
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

std::string render(Format format, std::span<const SnapshotPtr> snapshots) {
  std::vector<const MetricFamily*> families;
  std::size_t samples = 0;
  for (const SnapshotPtr& snapshot : snapshots) {
    for (const MetricFamily& family : snapshot->families) {
      families.push_back(&family);
      samples += family.metric.size();
    }
  }
  std::ranges::sort(families, {},
                    [](const MetricFamily* family) -> const std::string& { return family->name; });

  constexpr std::size_t kUsualSample = 96;
  constexpr std::size_t kUsualHead = 256;
  std::string out;
  out.reserve(samples * kUsualSample + families.size() * kUsualHead);
  Writer writer{format, out};
  for (const MetricFamily* family : families) {
    writer.write(*family);
  }
  if (format == Format::openmetrics_1_0_0) {
    out += "# EOF\n";
  }
  return out;
}

}  // namespace kubecliff::http
