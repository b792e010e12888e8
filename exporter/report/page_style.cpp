#include <string>

#include "exporter/chart/style.h"
#include "exporter/report/page.h"

namespace kubecliff::report {
namespace {

// A unit test holds each colour of text to a contrast of 4.5:1 with each ground that it stands on.
constexpr std::string_view kStyle = R"(:root {
  color-scheme: light dark;
  --ground: #ffffff; --raised: #f4f6f8; --text: #1b2430; --quiet: #55606e; --rule: #dfe4ea; --link: #0b5cad;
  --critical: #b3261e; --warning: #8f5a00; --info: #0b5cad; --fine: #0a7050;
  --critical-ground: #fdecea; --warning-ground: #fdf3dc; --info-ground: #e8f1fb; --fine-ground: #e4f5ee;
  --bar: #7d8b9a;
}
@media (prefers-color-scheme: dark) {
:root {
  --ground: #12171e; --raised: #1a212a; --text: #e6ebf1; --quiet: #9ba8b7; --rule: #2c3540; --link: #6cb0ff;
  --critical: #ff8a80; --warning: #e5b455; --info: #6cb0ff; --fine: #4fd09a;
  --critical-ground: #3a1c1b; --warning-ground: #33290f; --info-ground: #142a42; --fine-ground: #102d24;
  --bar: #8292a3;
}
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
header, main, footer { max-width: 80rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.125rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: 1rem; line-height: 1.4; margin: 0; }
p { margin: 0; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
section { margin-top: 2.25rem; }
ul, ol { list-style: none; margin: 0; padding: 0; }
.quiet { color: var(--quiet); }
.small { font-size: .8125rem; }
.figure { font-variant-numeric: tabular-nums; font-weight: 600; text-align: right; }
.row > *, dl > div > *, figcaption > * { min-width: 30%; }
.row .figure, dd.figure, figcaption .figure { flex: none; max-width: 65%; min-width: 0; }
.critical { color: var(--critical); }
.warning { color: var(--warning); }
.info { color: var(--info); }
.fine { color: var(--fine); }
.icon { width: 1.125em; height: 1.125em; vertical-align: -.2em; flex: none; fill: currentColor; }
.icon .inside { fill: var(--ground); }
.product { color: var(--quiet); font-size: .8125rem; font-weight: 600; }
.meta { display: flex; flex-wrap: wrap; gap: .125rem 1.25rem; margin-top: .375rem; color: var(--quiet); }
.meta b { color: var(--text); font-weight: 500; }
.verdict { display: flex; gap: .75rem; align-items: flex-start; margin-top: 1.25rem; padding: .875rem 1rem; border-radius: 8px; background: var(--raised); }
.verdict .icon { width: 1.75rem; height: 1.75rem; vertical-align: 0; }
.verdict .words { color: var(--text); }
.verdict .words b { display: block; font-size: 1.0625rem; }
.verdict.critical { background: var(--critical-ground); }
.verdict.warning { background: var(--warning-ground); }
.verdict.info { background: var(--info-ground); }
.verdict.fine { background: var(--fine-ground); }
.findings > li { display: grid; grid-template-columns: 7rem 1fr; gap: 0 1rem; padding: .875rem 0; border-top: 1px solid var(--rule); }
.findings > li:last-child { border-bottom: 1px solid var(--rule); }
.severity { font-weight: 600; white-space: nowrap; }
.findings p { max-width: 46rem; }
.findings .next { margin: .375rem 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 2.25rem 2.5rem; }
p + .columns { margin-top: 1rem; }
.columns section { margin: 0; min-width: 0; }
.measures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1.125rem 2.5rem; }
.row { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; }
.bar { display: block; width: 100%; height: 10px; margin: .25rem 0; overflow: visible; }
.bar .track { fill: var(--rule); }
.bar .value { fill: var(--bar); }
.bar .value.info { fill: var(--info); }
.bar .value.warning { fill: var(--warning); }
.bar .value.critical { fill: var(--critical); }
.bar .bound { fill: var(--text); }
dl { margin: 0; }
dl > div { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; padding: .3125rem 0; border-bottom: 1px solid var(--rule); }
dt { color: var(--quiet); }
dd { margin: 0; }
figure { margin: 0; min-width: 0; max-width: 30rem; }
figcaption { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; margin-bottom: .25rem; }
figure .kc-chart { display: block; width: 100%; }
.kc-chart { --chart-ground: var(--ground); }
details { margin-top: 1rem; }
summary { cursor: pointer; color: var(--link); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
caption { text-align: left; font-weight: 600; font-size: .9375rem; padding-bottom: .375rem; }
th, td { padding: .3125rem .75rem .3125rem 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: baseline; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: .8125rem; white-space: nowrap; }
tbody th { min-width: 8rem; }
.whole { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
bdi.address { font-family: ui-monospace, monospace; font-size: .9em; }
.failures li { padding: .25rem 0; border-bottom: 1px solid var(--rule); }
footer { margin-top: 2.5rem; padding-top: 1rem; padding-bottom: 2rem; color: var(--quiet); font-size: .875rem; }
footer ul, .actions { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
footer ul { margin-top: .25rem; }
.actions { margin-top: .5rem; }
@media (max-width: 40rem) {
header, main, footer { padding-left: 1rem; padding-right: 1rem; }
.findings > li { grid-template-columns: 1fr; }
}
@media print {
body { font-size: 10pt; }
header, main, footer { max-width: none; padding: 0; }
.actions, footer nav { display: none; }
.findings > li, .measures > li, figure, table, p + .columns { margin-top: 1rem; }
.columns section { break-inside: avoid; }
h2 { break-after: avoid; }
.scroll { overflow: visible; }
details::details-content { content-visibility: visible; display: block; block-size: auto; }
.runbook::after { content: " " attr(href); }
}
)";

}  // namespace

std::string_view page_style() {
  static const std::string style = std::string{chart::style()} + std::string{kStyle};
  return style;
}

}  // namespace kubecliff::report
