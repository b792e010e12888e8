#include "tests/support/certificates.h"

#include <fstream>

#include "tests/support/run_tool.h"

namespace kubecliff::test {

void make_ca(const std::filesystem::path& folder, const std::string& name) {
  const std::string base = folder / name;
  must_run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=" + name, "-keyout", base + ".key", "-out",
            base + ".crt"});
}

void make_certificate(const std::filesystem::path& folder, const std::string& name,
                      const std::string& ca, const std::string& extensions) {
  const std::string base = folder / name;
  const std::string issuer = folder / ca;
  std::ofstream{base + ".ext"} << extensions << '\n';
  must_run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=" + name, "-keyout", base + ".key", "-out", base + ".csr"});
  must_run({"openssl", "x509", "-req", "-in", base + ".csr", "-CA", issuer + ".crt", "-CAkey",
            issuer + ".key", "-days", "2", "-extfile", base + ".ext", "-out", base + ".crt"});
}

}  // namespace kubecliff::test
