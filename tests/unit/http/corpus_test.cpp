// Every fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles each fuzzer in under
// its own name in place of LLVMFuzzerTestOneInput.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

extern "C" {
int fuzz_authorization(const std::uint8_t* data, std::size_t size);
int fuzz_exposition(const std::uint8_t* data, std::size_t size);
int fuzz_negotiation(const std::uint8_t* data, std::size_t size);
int fuzz_query(const std::uint8_t* data, std::size_t size);
int fuzz_web_config(const std::uint8_t* data, std::size_t size);
}

namespace {

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  struct Fuzzer {
    const char* corpus;
    int (*run)(const std::uint8_t* data, std::size_t size);
  };
  const Fuzzer fuzzers[] = {{"corpus_authorization", fuzz_authorization},
                            {"corpus_exposition", fuzz_exposition},
                            {"corpus_negotiation", fuzz_negotiation},
                            {"corpus_query", fuzz_query},
                            {"corpus_web_config", fuzz_web_config}};
  for (const Fuzzer& fuzzer : fuzzers) {
    SCOPED_TRACE(fuzzer.corpus);
    int files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator{std::filesystem::path{FUZZ_FOLDER} / fuzzer.corpus}) {
      std::ifstream file{entry.path(), std::ios::binary};
      const std::string input{std::istreambuf_iterator<char>{file}, {}};
      EXPECT_EQ(fuzzer.run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()), 0);
      ++files;
    }
    EXPECT_GT(files, 0);
  }
}

}  // namespace
