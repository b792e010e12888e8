// The fuzzer's corpus, which tests/support/capture_rulesets.cpp took from a real kernel.
#include "tests/support/corpus.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include <gtest/gtest.h>

extern "C" {
int fuzz_folds(const std::uint8_t* data, std::size_t size);
}

namespace kubecliff::inventory {
namespace {

TEST(Corpus, IsTakenWithoutAnAccident) {
  test::expect_taken(fuzz_folds, std::filesystem::path{FUZZ_FOLDER} / "corpus_folds");
}

}  // namespace
}  // namespace kubecliff::inventory
