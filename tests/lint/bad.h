// Breaks rules on purpose, in a header: see bad.cpp.
#pragma once

inline int Misnamed() { return 0; }
