// Against Prometheus itself these texts are held by the replay of promtool's tests.
#include "exporter/alerting/words.h"

#include <gtest/gtest.h>

namespace kubecliff {
namespace {

TEST(ValueText, IsInTheValuesUnit) {
  EXPECT_EQ(value_text("ratio", 0.71234), "71.23%");
  EXPECT_EQ(value_text("Services", 85'008), "85008 Services");
  EXPECT_EQ(value_text("cores", 0.256), "0.26 cores");
  EXPECT_EQ(value_text("packets/s", 0.03), "0.03 packets/s");
  EXPECT_EQ(value_text("state", 1), "1");
}

TEST(ValueText, OfSecondsIsAsPrometheusHumanizesThem) {
  EXPECT_EQ(value_text("seconds", 0), "0s");
  EXPECT_EQ(value_text("seconds", 0.000239), "239us");
  EXPECT_EQ(value_text("seconds", 2.5), "2.5s");
  EXPECT_EQ(value_text("seconds", 61.7), "1m 1s");
  EXPECT_EQ(value_text("seconds", 7'265), "2h 1m 5s");
  EXPECT_EQ(value_text("seconds", 90'061), "1d 1h 1m 1s");
  EXPECT_EQ(value_text("seconds", -5), "-5s");
}

TEST(FilledIn, TakesValueNodeAndLabels) {
  const Labels labels{{"instance", "10.0.0.1:9909"}, {"device", "eth0"}};
  EXPECT_EQ(filled_in("{{ $value }} of {{ $node }}'s {{ $labels.device }}{{ $labels.no }}.",
                      "packets", 7, labels),
            "7 packets of 10.0.0.1:9909's eth0.");
  EXPECT_EQ(filled_in("{{ $node }}", "state", 1, {{"instance", "a"}, {"node", "b"}}), "b");
  EXPECT_EQ(filled_in("broken {{ $value", "state", 1, {}), "broken {{ $value");
}

TEST(PrometheusTemplate, SaysTheSame) {
  EXPECT_EQ(prometheus_template("{{ $value }} on {{ $node }} by {{ $labels.device }}", "ratio"),
            "{{ $value | humanizePercentage }} on {{ or $labels.node $labels.instance }} by "
            "{{ $labels.device }}");
  EXPECT_EQ(prometheus_template("{{ $value }}", "rules"), R"({{ printf "%.0f" $value }} rules)");
}

}  // namespace
}  // namespace kubecliff
