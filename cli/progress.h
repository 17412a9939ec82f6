// A progress bar on a terminal, from the first second on; nothing elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace convoy::cli {

class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();  // erases the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(double fraction);

 private:
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace convoy::cli
