// Certificates for tests, made by openssl's own tool.
#pragma once

#include <filesystem>
#include <string>

namespace kubecliff::test {

// `folder`/NAME.crt and NAME.key. Throws where openssl says no.
void make_ca(const std::filesystem::path& folder, const std::string& name);
// Signed by `ca`, with extensions such as "subjectAltName=IP:127.0.0.1".
void make_certificate(const std::filesystem::path& folder, const std::string& name,
                      const std::string& ca, const std::string& extensions);

}  // namespace kubecliff::test
