// Every fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles each fuzzer in under
// its own name in place of LLVMFuzzerTestOneInput.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" {
int fuzz_authorization(const std::uint8_t* data, std::size_t size);
int fuzz_exposition(const std::uint8_t* data, std::size_t size);
int fuzz_negotiation(const std::uint8_t* data, std::size_t size);
int fuzz_query(const std::uint8_t* data, std::size_t size);
int fuzz_web_config(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff {
namespace {

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  const std::filesystem::path folder{FUZZ_FOLDER};
  test::expect_taken(fuzz_authorization, folder / "corpus_authorization");
  test::expect_taken(fuzz_exposition, folder / "corpus_exposition");
  test::expect_taken(fuzz_negotiation, folder / "corpus_negotiation");
  test::expect_taken(fuzz_query, folder / "corpus_query");
  test::expect_taken(fuzz_web_config, folder / "corpus_web_config");
}

}  // namespace
}  // namespace kubecliff
