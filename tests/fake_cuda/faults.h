// What the fake libcuda and the fake NVRTC have in common: calls are counted, one of them fails
// when asked to, and objects are counted while they live. Each library has this for itself and
// exports the functions at the end, which tests find by name (tests/fake_cuda/fake.h).
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace {

class Faults {
 public:
  // Counts a call; the error it is to fail with, 0 for none.
  int enter(const std::string& entry) {
    const std::lock_guard lock(mutex_);
    ++calls_[entry];
    return entry == failing_ && --left_ == 0 ? error_ : 0;
  }
  void fail(const std::string& entry, int nth, int error) {
    const std::lock_guard lock(mutex_);
    failing_ = entry, left_ = nth, error_ = error;
  }
  int calls(const std::string& entry) {
    const std::lock_guard lock(mutex_);
    return calls_[entry];
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    calls_.clear();
    failing_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> calls_;
  std::string failing_;
  int left_ = 0, error_ = 0;
};

// Handles given out and not yet given back, of one kind each.
class Objects {
 public:
  void add(const std::string& kind, const void* handle) {
    const std::lock_guard lock(mutex_);
    live_.emplace(kind, handle);
  }
  // False when there is no such object: never made, or given back before.
  bool remove(const std::string& kind, const void* handle) {
    const std::lock_guard lock(mutex_);
    return live_.erase({kind, handle}) == 1;
  }
  bool has(const std::string& kind, const void* handle) {
    const std::lock_guard lock(mutex_);
    return live_.contains({kind, handle});
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(live_.size());
  }

 private:
  std::mutex mutex_;
  std::set<std::pair<std::string, const void*>> live_;
};

Faults faults;
Objects objects;

}  // namespace

extern "C" {
// The nth call of `entry` from now on fails with `error`, once.
void fake_fail(const char* entry, int nth, int error) { faults.fail(entry, nth, error); }
// Calls since the last reset.
int fake_calls(const char* entry) { return faults.calls(entry); }
// Objects that live. Reset forgets calls and faults, not objects.
int fake_live() { return objects.count(); }
void fake_reset() { faults.reset(); }
}
