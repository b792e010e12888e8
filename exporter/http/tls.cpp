#include "exporter/http/tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "exporter/http/contained.h"

namespace kubecliff::http {
namespace {

template <auto Function>
struct FreeWith {
  template <typename T>
  void operator()(T* handle) const {
    Function(handle);
  }
};

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

// What of the configuration is asked at a handshake, long after TlsContext::make. Owned by the
// SSL_CTX: a handshake under way keeps that alive, and nothing else.
struct ClientPolicy {
  bool verify = false;
  std::vector<std::string> allowed_sans;
};

void free_policy(void* /*parent*/, void* policy, CRYPTO_EX_DATA* /*data*/, int /*index*/,
                 long /*argl*/, void* /*argp*/) {
  delete static_cast<ClientPolicy*>(policy);
}

int policy_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_policy);
  return index;
}

std::unexpected<Error> fail_openssl(std::string what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  if (reason != nullptr) {
    what.append(": ").append(reason);
  }
  return fail(ErrorKind::malformed, std::move(what));
}

// "cert_file /etc/x.pem" or "cert": what an error calls it.
std::string described(const Pem& pem, std::string_view key) {
  std::string text{key};
  if (!pem.file.empty()) {
    text.append("_file ").append(pem.file.string());
  }
  return text;
}

Result<std::string> contents(const Pem& pem, std::string_view key) {
  if (pem.file.empty()) {
    return pem.text;
  }
  std::ifstream file{pem.file, std::ios::binary};
  if (!file) {
    return fail_errno(errno, "open " + described(pem, key));
  }
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

Bio memory_bio(std::string_view text) {
  return Bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

// An encrypted key must fail instead of asking for its passphrase on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

Result<std::vector<Certificate>> read_certificates(const Pem& pem, std::string_view key) {
  auto text = contents(pem, key);
  if (!text) {
    return std::unexpected(std::move(text.error()));
  }

  std::vector<Certificate> certificates;
  const Bio bio = memory_bio(*text);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // The end of the text is an error too, and the only one that is none.
  const unsigned long code = ERR_peek_last_error();
  if (certificates.empty() || ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
    return fail_openssl(described(pem, key) + ": expected certificates in PEM");
  }
  ERR_clear_error();
  return certificates;
}

Result<PrivateKey> read_key(const Pem& pem) {
  auto text = contents(pem, "key");
  if (!text) {
    return std::unexpected(std::move(text.error()));
  }

  const Bio bio = memory_bio(*text);
  PrivateKey key{PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)};
  OPENSSL_cleanse(text->data(), text->size());
  if (!key) {
    return fail_openssl(described(pem, "key") + ": expected a private key in PEM, not encrypted");
  }
  return key;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text.append(text.empty() ? "" : ":").append(name);
  }
  return text;
}

constexpr int protocol_version(TlsVersion version) {
  return version == TlsVersion::tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

constexpr int verify_mode(ClientAuth auth) {
  switch (auth) {
    case ClientAuth::none:
      break;
    case ClientAuth::request:
    case ClientAuth::verify_if_given:
      return SSL_VERIFY_PEER;
    case ClientAuth::require_any:
    case ClientAuth::require_and_verify:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_NONE;
}

// The textual form of a SAN as exporter-toolkit compares it; empty for kinds that it does not.
std::string san_text(const GENERAL_NAME& name) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(&name, &type);
  const auto* string = static_cast<const ASN1_STRING*>(value);
  switch (type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
      return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
              static_cast<std::size_t>(ASN1_STRING_length(string))};
    case GEN_IPADD: {
      const int size = ASN1_STRING_length(string);
      std::array<char, INET6_ADDRSTRLEN> text{};
      if ((size == 4 || size == 16) &&
          inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(string), text.data(),
                    text.size()) != nullptr) {
        return text.data();
      }
      return {};
    }
    default:
      return {};
  }
}

bool has_allowed_san(X509* certificate, const std::vector<std::string>& allowed) {
  const GeneralNames names{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int at = 0; names && at < sk_GENERAL_NAME_num(names.get()); ++at) {
    const std::string san = san_text(*sk_GENERAL_NAME_value(names.get(), at));
    if (!san.empty() && std::ranges::find(allowed, san) != allowed.end()) {
      return true;
    }
  }
  return false;
}

// Called by OpenSSL for a client's certificate: 1 lets it in.
int verify_client(X509_STORE_CTX* store, void* argument) {
  const auto& policy = *static_cast<const ClientPolicy*>(argument);
  if (policy.verify && X509_verify_cert(store) != 1) {
    return 0;
  }
  bool allowed = policy.allowed_sans.empty();
  contained([&] {
    allowed = allowed || has_allowed_san(X509_STORE_CTX_get0_cert(store), policy.allowed_sans);
  });
  if (!allowed) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

Result<void> use_certificate(SSL_CTX& context, const TlsConfig& config) {
  auto chain = read_certificates(config.certificate, "cert");
  if (!chain) {
    return std::unexpected(std::move(chain.error()));
  }
  auto key = read_key(config.key);
  if (!key) {
    return std::unexpected(std::move(key.error()));
  }

  if (SSL_CTX_use_certificate(&context, chain->front().get()) != 1) {
    return fail_openssl(described(config.certificate, "cert"));
  }
  for (const Certificate& certificate : std::span{*chain}.subspan(1)) {
    if (SSL_CTX_add1_chain_cert(&context, certificate.get()) != 1) {
      return fail_openssl(described(config.certificate, "cert"));
    }
  }
  if (SSL_CTX_use_PrivateKey(&context, key->get()) != 1) {
    return fail_openssl(described(config.key, "key") + " does not belong to " +
                        described(config.certificate, "cert"));
  }
  return {};
}

Result<void> use_client_auth(SSL_CTX& context, const TlsConfig& config) {
  SSL_CTX_set_verify(&context, verify_mode(config.client_auth), nullptr);

  auto policy = std::make_unique<ClientPolicy>();
  policy->verify = config.client_auth == ClientAuth::verify_if_given ||
                   config.client_auth == ClientAuth::require_and_verify;
  policy->allowed_sans = config.client_allowed_sans;
  if (SSL_CTX_set_ex_data(&context, policy_index(), policy.get()) != 1) {
    return fail_openssl("TLS context");
  }
  SSL_CTX_set_cert_verify_callback(&context, verify_client, policy.release());

  if (config.client_ca.empty()) {
    return {};
  }
  auto authorities = read_certificates(config.client_ca, "client_ca");
  if (!authorities) {
    return std::unexpected(std::move(authorities.error()));
  }
  for (const Certificate& authority : *authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(&context, authority.get()) != 1) {
      return fail_openssl(described(config.client_ca, "client_ca"));
    }
  }
  return {};
}

Result<void> use_protocol(SSL_CTX& context, const TlsConfig& config) {
  if (SSL_CTX_set_min_proto_version(&context, protocol_version(config.min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(&context, protocol_version(config.max_version)) != 1) {
    return fail_openssl("min_version, max_version");
  }
  if ((!config.cipher_suites.empty() &&
       SSL_CTX_set_cipher_list(&context, joined(config.cipher_suites).c_str()) != 1) ||
      (!config.tls13_suites.empty() &&
       SSL_CTX_set_ciphersuites(&context, joined(config.tls13_suites).c_str()) != 1)) {
    return fail_openssl("cipher_suites");
  }
  if (!config.groups.empty() &&
      SSL_CTX_set1_groups_list(&context, joined(config.groups).c_str()) != 1) {
    return fail_openssl("curve_preferences");
  }
  SSL_CTX_set_options(&context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (config.prefer_server_cipher_suites) {
    SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  return {};
}

int on_client_hello(SSL* connection, int* alert, void* argument) {
  bool taken = false;
  contained([&] {
    const auto loaded = static_cast<WebConfigFile*>(argument)->current();
    taken = loaded->tls && loaded->tls->take_over(connection);
  });
  if (taken) {
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  *alert = SSL_AD_INTERNAL_ERROR;
  return SSL_CLIENT_HELLO_ERROR;
}

}  // namespace

void FreeSslContext::operator()(SSL_CTX* context) const {
  SSL_CTX_free(context);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsConfig& config) {
  SslContext context{SSL_CTX_new(TLS_server_method())};
  if (!context) {
    return fail_openssl("TLS context");
  }
  for (const auto use : {use_protocol, use_certificate, use_client_auth}) {
    if (auto used = use(*context, config); !used) {
      return std::unexpected(std::move(used.error()));
    }
  }
  return std::shared_ptr<const TlsContext>{
      new TlsContext{std::move(context), joined(config.groups)}};
}

bool TlsContext::take_over(SSL* connection) const {
  SSL_CTX* context = context_.get();
  // This brings the certificate, the CAs and the ciphers. The rest was copied into the connection
  // when civetweb made it, and is set again one by one.
  if (SSL_set_SSL_CTX(connection, context) == nullptr ||
      (!groups_.empty() && SSL_set1_groups_list(connection, groups_.c_str()) != 1)) {
    return false;
  }
  SSL_set_verify(connection, SSL_CTX_get_verify_mode(context), nullptr);
  SSL_set_options(connection, SSL_CTX_get_options(context));
  return SSL_set_min_proto_version(connection, SSL_CTX_get_min_proto_version(context)) == 1 &&
         SSL_set_max_proto_version(connection, SSL_CTX_get_max_proto_version(context)) == 1;
}

Result<SslContext> make_server_context(WebConfigFile& file) {
  SslContext context{SSL_CTX_new(TLS_server_method())};
  if (!context) {
    return fail_openssl("TLS context");
  }
  SSL_CTX_set_client_hello_cb(context.get(), on_client_hello, &file);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context.get(), 0);
  return context;
}

}  // namespace kubecliff::http
