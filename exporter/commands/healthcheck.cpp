#include "exporter/commands/healthcheck.h"

#include <chrono>
#include <cstddef>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include <openssl/ssl.h>

#include "collectors/core/result.h"
#include "collectors/curl/multi.h"
#include "exporter/commands/exit_code.h"
#include "exporter/commands/streams.h"
#include "exporter/config/load.h"
#include "exporter/http/listen_address.h"
#include "exporter/http/web_config.h"

namespace kubecliff {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kWithin = 3s;

struct Target {
  http::ListenAddress address;
  std::optional<http::TlsConfig> tls;
};

Result<Target> target(const CommandLine& line, const SettingTable& table,
                      std::span<const CollectorSpec> specs) {
  const auto settings = load_settings(line, table, specs);
  if (!settings) {
    return std::unexpected(settings.error());
  }
  const auto address = http::parse_listen_address(settings->listen_addresses.front());
  if (!address) {
    return std::unexpected(address.error());
  }
  if (address->port == 0) {
    return fail(ErrorKind::malformed,
                "healthcheck: --web.listen-address: expected a port to ask, got 0");
  }
  if (settings->web_config_file.empty()) {
    return Target{.address = *address, .tls = {}};
  }
  const auto web_config = http::WebConfigFile::open(settings->web_config_file);
  if (!web_config) {
    return std::unexpected(web_config.error());
  }
  return Target{.address = *address, .tls = (*web_config)->current()->config.tls};
}

std::string host_to_ask(const http::ListenAddress& address) {
  if (address.host.empty() || address.host == "0.0.0.0") {
    return "127.0.0.1";
  }
  return address.host == "::" ? "::1" : address.host;
}

std::string url(const Target& target) {
  const std::string host = host_to_ask(target.address);
  return (target.tls ? "https://" : "http://") +
         (host.find(':') == std::string::npos ? host : '[' + host + ']') + ':' +
         std::to_string(target.address.port) + "/-/healthy";
}

bool requires_certificate(const http::TlsConfig& tls) {
  return tls.client_auth == http::ClientAuth::require_any ||
         tls.client_auth == http::ClientAuth::require_and_verify;
}

Result<void> judge(long status) {
  // The last three are for others to get past.
  if (status == 200 || status == 401 || status == 403 || status == 429) {
    return {};
  }
  return fail(ErrorKind::malformed,
              "it answers " + std::to_string(status) + ", expected 200: is that kubecliff?");
}

std::unexpected<Error> no_answer(CURLcode code, const char* reason) {
  if (code == CURLE_COULDNT_CONNECT) {
    return fail(ErrorKind::unavailable,
                "nobody listens there: start kubecliff, or give the options that it runs with");
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return fail(ErrorKind::timeout, "no answer in time: it hangs, or gets no CPU time");
  }
  return fail(ErrorKind::torn, std::string{"it does not answer in HTTP/1.1 ("} + reason +
                                   "): is that kubecliff, with this --web.config.file?");
}

// Its certificate is not verified: it is this machine's, and may be for other names.
Result<void> ask(const Target& target) {
  const auto library = curl::library();
  if (!library) {
    return std::unexpected(library.error());
  }
  const curl::Library& curl = **library;
  const curl::Easy easy{curl.easy_init(), {&curl}};
  if (!easy) {
    return fail(ErrorKind::internal, "libcurl gives no handle");
  }
  const std::string address = url(target);
  bool certificate_asked = false;  // of us
  curl.easy_setopt(easy.get(), CURLOPT_URL, address.c_str());
  curl.easy_setopt(easy.get(), CURLOPT_PROXY, "");
  curl.easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl.easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(kWithin.count()));
  curl.easy_setopt(easy.get(), CURLOPT_SSL_VERIFYPEER, 0L);
  curl.easy_setopt(easy.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  curl.easy_setopt(
      easy.get(), CURLOPT_WRITEFUNCTION,
      +[](char* /*body*/, std::size_t size, std::size_t count, void* /*nobody*/) {
        return size * count;
      });
  curl.easy_setopt(easy.get(), CURLOPT_SSL_CTX_DATA, &certificate_asked);
  curl.easy_setopt(
      easy.get(), CURLOPT_SSL_CTX_FUNCTION, +[](CURL* /*easy*/, void* context, void* asked) {
        ::SSL_CTX_set_cert_cb(
            static_cast<SSL_CTX*>(context),
            [](SSL* /*connection*/, void* of_us) {
              *static_cast<bool*>(of_us) = true;
              return 1;
            },
            asked);
        return CURLE_OK;
      });

  const CURLcode code = curl.easy_perform(easy.get());
  if (certificate_asked && target.tls && requires_certificate(*target.tls) &&
      code != CURLE_OPERATION_TIMEDOUT) {
    return {};  // it lives, and does not talk to just anybody
  }
  if (code != CURLE_OK) {
    return no_answer(code, curl.easy_strerror(code));
  }
  long status = 0;
  curl.easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  return judge(status);
}

}  // namespace

int run_healthcheck(const CommandLine& line, const SettingTable& table,
                    std::span<const CollectorSpec> specs) {
  const auto asked = target(line, table, specs);
  if (!asked) {
    return refuse(asked.error().message, kExitUnhealthy);
  }
  if (const auto answer = ask(*asked); !answer) {
    return refuse("healthcheck: " + url(*asked) + ": " + answer.error().message, kExitUnhealthy);
  }
  std::cout << url(*asked) << ": ok\n";
  return kExitOk;
}

}  // namespace kubecliff
