// Every fuzzer's corpus, replayed as an ordinary test. CMakeLists.txt compiles each fuzzer in under
// its own name in place of LLVMFuzzerTestOneInput.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" {
int fuzz_legacy_listing(const std::uint8_t* data, std::size_t size);
int fuzz_messages(const std::uint8_t* data, std::size_t size);
int fuzz_redact(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff {
namespace {

TEST(Corpus, OfEveryFuzzerIsTakenWithoutAnAccident) {
  const std::filesystem::path folder{FUZZ_FOLDER};
  test::expect_taken(fuzz_legacy_listing, folder / "corpus_legacy_listing");
  test::expect_taken(fuzz_messages, folder / "corpus_messages");
  test::expect_taken(fuzz_redact, folder / "corpus_redact");
}

}  // namespace
}  // namespace kubecliff
