#include "api/boundary.h"

#include <mutex>
#include <unordered_set>

#include "base/version.h"
#include "kernels/registry.h"

namespace convoy::api {
namespace {

struct Handles {
  std::mutex mutex;
  std::unordered_set<const void*> live;
};

// Never destroyed: handles may be freed by destructors that run after ours would.
Handles& handles() {
  static Handles& all = *new Handles;
  return all;
}

}  // namespace

std::string& last_error() {
  thread_local std::string message;
  return message;
}

void add_handle(const void* handle) {
  const std::lock_guard lock(handles().mutex);
  handles().live.insert(handle);
}

bool drop_handle(const void* handle) {
  const std::lock_guard lock(handles().mutex);
  return handles().live.erase(handle) == 1;
}

bool is_live(const void* handle) {
  const std::lock_guard lock(handles().mutex);
  return handles().live.count(handle) == 1;
}

}  // namespace convoy::api

const char* convoy_version(void) { return convoy::kVersion; }

const char* convoy_last_error(void) { return convoy::api::last_error().c_str(); }

const char* convoy_kernel_name(size_t index) {
  const auto all = convoy::all_implementations();
  return index < all.size() ? all[index]->name.data() : nullptr;
}
