// Breaks rules on purpose. It stands in no target: scripts/test fails unless the linters refuse it
// for exactly what is wrong here, so that a linter which has stopped looking does not pass for one
// that found nothing.
#include "tests/lint/bad.h"

namespace {

int first_of(const char* text)   {
      int Result;
  if (text != nullptr) { Result = (int)*text; return Result; } else { return Misnamed(); }
}

}  // namespace

int main(int, char** arguments) { return first_of(arguments[0]); }
