// convoy tune --calibrate: the rates of this CPU, measured and kept.
#pragma once

#include "cli/report.h"

namespace convoy::cli {

// Measures with so many threads, 0 for all this process may use, says what it found beside what was
// assumed, and keeps it in rates_path(). Throws UsageError where there is no folder, kIo where the
// file cannot be written.
Json calibrate_this_cpu(int threads, bool quiet);

}  // namespace convoy::cli
