// civetweb reaches OpenSSL by dlopen("libssl.so"), dlopen("libcrypto.so") and dlsym(). Two things
// stand in the way, and this file, linked into the program, is what they find instead:
//  - those unversioned names exist only where OpenSSL's development package is installed. This
//  program
//    links OpenSSL, so both names mean what is loaded already: the handle of the program itself;
//  - Debian builds civetweb 1.15 for OpenSSL 1.1, whose SSL_get_peer_certificate became a macro in
//    OpenSSL 3. Without a function of that name civetweb does without TLS.
#include <dlfcn.h>

#include <string_view>

#include <openssl/ssl.h>

#undef SSL_get_peer_certificate

extern "C" {

// NOLINTNEXTLINE(readability-identifier-naming): OpenSSL's name
__attribute__((visibility("default"))) X509* SSL_get_peer_certificate(const SSL* ssl) {
  return SSL_get1_peer_certificate(ssl);
}

// Everything else goes on to the C library, under its own name.
__attribute__((visibility("default"))) void* dlopen(const char* file, int mode) noexcept {
  using Dlopen = void* (*)(const char*, int);
  static const auto next = reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"));

  const std::string_view name = file == nullptr ? "" : file;
  if (name == "libssl.so" || name == "libcrypto.so") {
    file = nullptr;
  }
  return next(file, mode);
}

}  // extern "C"
