// Exit codes, as --help tells them.
#pragma once

namespace kubecliff {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;      // could not start or go on
inline constexpr int kExitBadSettings = 2;  // wrong command line or configuration

// Of alert test; 0 where every receiver took it.
inline constexpr int kExitNotTaken = 1;

// Of healthcheck, whatever the reason, as container runtimes know no other; 0 where the daemon
// answers.
inline constexpr int kExitUnhealthy = 1;

// Of simulate; 0 where everything was measured that can be here, or that was asked for by name.
inline constexpr int kExitNotAll = 1;

// Of preflight; 0 where the node is ready.
inline constexpr int kExitBlocked = 1;
// And of report, where nothing is known yet.
inline constexpr int kExitUnknown = 3;

// Of report; 0 where nothing is worse than info.
inline constexpr int kExitWarning = 4;
inline constexpr int kExitCritical = 5;

}  // namespace kubecliff
