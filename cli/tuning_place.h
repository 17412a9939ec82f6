// Where measured times are kept, and what plans see of them.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "plan/tuned_times.h"

namespace convoy::cli {

// `named` where it is not empty, otherwise tuning.txt in the folder that compiled kernels are kept
// in ($CONVOY_CACHE_DIR, $XDG_CACHE_HOME/convoy or ~/.cache/convoy); empty where there is none.
std::filesystem::path tuning_path(const std::string& named);

// The times of the device in that file; null where there are none. One line on standard error says
// what of the file is left out.
std::shared_ptr<const Measurements> tuned_times(const std::string& named, const DeviceDesc& device);

// Where the rates of this machine's CPU are kept: cpu.profile beside tuning.txt; empty where there
// is no folder.
std::filesystem::path rates_path();

// The CPU this process runs on; with the rates that convoy tune --calibrate measured of a CPU of
// this name and instruction set, where it did. One line on standard error says why a file that is
// there is left out.
DeviceDesc this_cpu(int threads);

}  // namespace convoy::cli
