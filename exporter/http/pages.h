// The landing page. A pure function: HTML with nothing loaded from anywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "exporter/http/message.h"

namespace kubecliff::http {

struct Link {
  std::string address;  // a path on this server or an absolute URL
  std::string text;
  std::string description;
};

struct LandingPage {
  std::string_view name;
  std::string_view version;
  std::string_view description;
  std::vector<Link> links;
};

[[nodiscard]] Response landing_page(const LandingPage& page);

// For text and attribute values alike.
[[nodiscard]] std::string html_escaped(std::string_view text);

}  // namespace kubecliff::http
