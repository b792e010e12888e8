#include "exporter/http/pages.h"

#include <utility>

namespace kubecliff::http {

std::string html_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char character : text) {
    switch (character) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += character;
    }
  }
  return escaped;
}

Response landing_page(const LandingPage& page) {
  const std::string name = html_escaped(page.name);
  std::string body = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>)" + name + R"(</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; }
p { margin-top: .25rem; }
dt { margin-top: 1rem; font-weight: 600; }
dd { margin-left: 0; }
</style>
</head>
<body>
<main>
<h1>)" + name + "</h1>\n<p>" +
                     html_escaped(page.description) + "</p>\n<p>Version " +
                     html_escaped(page.version) + "</p>\n<dl>\n";
  for (const Link& link : page.links) {
    body += "<dt><a href=\"" + html_escaped(link.address) + "\">" + html_escaped(link.text) +
            "</a></dt>\n<dd>" + html_escaped(link.description) + "</dd>\n";
  }
  body += "</dl>\n</main>\n</body>\n</html>\n";
  return {.content_type = "text/html; charset=utf-8", .body = std::move(body)};
}

}  // namespace kubecliff::http
