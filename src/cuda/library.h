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

  // The file that was opened, its size and when it last changed: "/usr/lib/libx.so.1 1024
  // 1700000000".
  std::string file_identity() const;

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

}  // namespace convoy::cuda
