#include "exporter/chart/style.h"

namespace kubecliff::chart {

// A unit test holds each colour to a contrast of 4.5:1 with its ground.
std::string_view style() {
  return R"(.kc-chart {
  --chart-ground: #ffffff; --chart-text: #1b2430; --chart-quiet: #55606e; --chart-grid: #dfe4ea;
  --chart-line-1: #0b5cad; --chart-line-2: #a8480a; --chart-line-3: #0a7050; --chart-line-4: #7a3fc4;
  --chart-line-5: #a52a68; --chart-line-6: #55606e; --chart-warning: #8f5a00; --chart-critical: #b3261e;
  color: var(--chart-text); max-width: 100%; height: auto;
  font-family: system-ui, sans-serif; font-variant-numeric: tabular-nums;
}
@media (prefers-color-scheme: dark) {
.kc-chart {
  --chart-ground: #12171e; --chart-text: #e6ebf1; --chart-quiet: #9ba8b7; --chart-grid: #2c3540;
  --chart-line-1: #6cb0ff; --chart-line-2: #ffa657; --chart-line-3: #4fd09a; --chart-line-4: #c8a6ff;
  --chart-line-5: #ff8fbe; --chart-line-6: #aab5c2; --chart-warning: #e5b455; --chart-critical: #ff8a80;
}
}
.kc-chart .ground { fill: var(--chart-ground); }
.kc-chart text { fill: var(--chart-text); font-size: 12px; }
.kc-chart .name { font-size: 15px; font-weight: 600; }
.kc-chart .tick, .kc-chart .unit, .kc-chart .nothing { fill: var(--chart-quiet); }
.kc-chart .grid { stroke: var(--chart-grid); stroke-width: 1; fill: none; }
.kc-chart .base { stroke: var(--chart-quiet); stroke-width: 1; fill: none; }
.kc-chart .line { stroke: var(--chart-line-1); stroke-width: 2; fill: none; stroke-linejoin: round; stroke-linecap: round; }
.kc-chart .dot { fill: var(--chart-line-1); stroke: none; }
.kc-chart .area { fill: var(--chart-line-1); fill-opacity: .12; stroke: none; }
.kc-chart .line-2 { stroke: var(--chart-line-2); stroke-dasharray: 8 4; }
.kc-chart .line-3 { stroke: var(--chart-line-3); stroke-dasharray: 2 4; }
.kc-chart .line-4 { stroke: var(--chart-line-4); stroke-dasharray: 10 3 2 3; }
.kc-chart .line-5 { stroke: var(--chart-line-5); stroke-dasharray: 14 5; }
.kc-chart .line-6 { stroke: var(--chart-line-6); stroke-dasharray: 5 3 1 3 1 3; }
.kc-chart .line-7 { stroke: var(--chart-line-2); stroke-dasharray: 1 5; }
.kc-chart .line-8 { stroke: var(--chart-line-3); stroke-dasharray: 16 3 4 3; }
.kc-chart .dot-2, .kc-chart .dot-7 { fill: var(--chart-line-2); }
.kc-chart .dot-3, .kc-chart .dot-8 { fill: var(--chart-line-3); }
.kc-chart .dot-4 { fill: var(--chart-line-4); }
.kc-chart .dot-5 { fill: var(--chart-line-5); }
.kc-chart .dot-6 { fill: var(--chart-line-6); }
.kc-chart .mark { stroke: var(--chart-quiet); stroke-width: 1.5; fill: none; stroke-dasharray: 6 3; }
.kc-chart .mark-warning { stroke: var(--chart-warning); }
.kc-chart .mark-critical { stroke: var(--chart-critical); stroke-dasharray: none; }
.kc-chart .says { paint-order: stroke; stroke: var(--chart-ground); stroke-width: 4; stroke-linejoin: round; }
.kc-chart .says-warning { fill: var(--chart-warning); }
.kc-chart .says-critical { fill: var(--chart-critical); }
)";
}

}  // namespace kubecliff::chart
