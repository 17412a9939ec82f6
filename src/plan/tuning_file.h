// The file that measured times are kept in.
#pragma once

#include <filesystem>
#include <string>

#include "plan/tuning.h"

namespace convoy {

struct TuningFile {
  TuningTable table;
  // One line on what of the file was left out, and why; empty where nothing was.
  std::string note;
  // The file has something, and none of it is a table of times: not to be written over.
  bool foreign = false;
};

// Never fails: a file that is not there is an empty table, what cannot be read is left out.
TuningFile read_tuning(const std::filesystem::path& path);

// Merges the table into what the file has by now, another process's times included, and puts the
// result in its place at once, so that a reader finds the old file or the new one. Another
// version's file is renamed to "<path>.version-N" first. Throws kIo where the file or its folder
// cannot be written, kInvalidArgument where the file is foreign.
void save_tuning(const std::filesystem::path& path, const TuningTable& measured);

}  // namespace convoy
