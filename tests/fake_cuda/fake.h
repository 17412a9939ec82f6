// Makes this process take the fake libcuda and the fake NVRTC for the real ones, and tells them
// what to fail. Without a cache, so that kernels are compiled each time.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace convoy::testing {

inline void use_fake_libraries() {
  setenv("CONVOY_LIBCUDA", CONVOY_FAKE_LIBCUDA, 1);
  setenv("CONVOY_LIBNVRTC", CONVOY_FAKE_LIBNVRTC, 1);
  setenv("CONVOY_CACHE_DIR", "off", 1);
}

class FakeLibrary {
 public:
  explicit FakeLibrary(const char* path) : handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw std::runtime_error(dlerror());
  }
  // The nth call of `entry` from now on fails with `error`, once.
  void fail(const std::string& entry, int nth, int error) const {
    function<void(const char*, int, int)>("fake_fail")(entry.c_str(), nth, error);
  }
  // Calls since the last reset, which also takes back what is still to fail.
  int calls(const std::string& entry) const {
    return function<int(const char*)>("fake_calls")(entry.c_str());
  }
  void reset() const { function<void()>("fake_reset")(); }
  // Objects made and not yet destroyed.
  int live() const { return function<int()>("fake_live")(); }
  // Contexts that the calling thread has pushed and not popped; of libcuda.
  int contexts_current() const { return function<int()>("fake_contexts_current")(); }

  // What the library exports by this name.
  template <class Signature>
  Signature* function(const char* name) const {
    return reinterpret_cast<Signature*>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

}  // namespace convoy::testing
