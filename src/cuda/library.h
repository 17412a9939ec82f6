// A shared library opened at run time, for what not every machine has.
#pragma once

#include <initializer_list>
#include <string>

namespace convoy::cuda {

class Library {
 public:
  // Opens the file that the environment variable names where it is set, else the first of `names`
  // that the system's loader finds; kept open until the process ends.
  Library(const char* variable, std::initializer_list<const char*> names);

  // Why it cannot be used; empty when it can. Lists what was tried.
  const std::string& missing() const { return missing_; }

  // The path of the file that was opened.
  std::string path() const;

  // Fills `entry` with the symbol; where there is none, missing() says so.
  template <class Entry>
  void find(Entry& entry, const char* symbol) {
    entry = reinterpret_cast<Entry>(look_up(symbol));
  }

 private:
  void* look_up(const char* symbol);
  void* handle_ = nullptr;
  std::string name_, missing_;
};

// Tells a file from another and from what it was before: path, size, time of change; empty where
// there is none.
std::string file_identity(const std::string& path);

}  // namespace convoy::cuda
