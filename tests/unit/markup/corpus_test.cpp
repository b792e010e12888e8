// Every fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles each fuzzer in under
// its own name in place of LLVMFuzzerTestOneInput.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" {
int fuzz_escaped(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff {
namespace {

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  const std::filesystem::path folder{FUZZ_FOLDER};
  test::expect_taken(fuzz_escaped, folder / "corpus_escaped");
}

}  // namespace
}  // namespace kubecliff
