// Every fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles each fuzzer in under
// its own name in place of LLVMFuzzerTestOneInput.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" {
int fuzz_expression(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff {
namespace {

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  test::expect_taken(fuzz_expression, std::filesystem::path{FUZZ_FOLDER} / "corpus_expression");
}

}  // namespace
}  // namespace kubecliff
