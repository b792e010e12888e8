// TLS: what a web configuration asks for, as an OpenSSL context, and the way into civetweb.
//
// civetweb makes every connection from the one context that it was started with. That context knows
// nothing but a callback for the ClientHello, which turns the connection over to the configuration
// and certificates in force at that moment: they change without a restart, as exporter-toolkit's
// do. Sessions are never resumed, so no connection outlives the rules that it was let in by.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <openssl/types.h>

#include "collectors/core/result.h"
#include "exporter/http/web_config.h"

namespace kubecliff::http {

struct FreeSslContext {
  void operator()(SSL_CTX* context) const;
};
using SslContext = std::unique_ptr<SSL_CTX, FreeSslContext>;

class TlsContext {
 public:
  // Reads the certificate, key and client CA that `config` names.
  [[nodiscard]] static Result<std::shared_ptr<const TlsContext>> make(const TlsConfig& config);

  // Puts a connection that is about to answer a ClientHello under these rules; false where OpenSSL
  // will not.
  [[nodiscard]] bool take_over(SSL* connection) const;

 private:
  TlsContext(SslContext context, std::string groups)
      : context_{std::move(context)}, groups_{std::move(groups)} {}

  SslContext context_;
  std::string groups_;  // OpenSSL's list; empty for its own
};

// The context to start civetweb with. It asks `file`, which must outlive it, at every handshake.
[[nodiscard]] Result<SslContext> make_server_context(WebConfigFile& file);

}  // namespace kubecliff::http
