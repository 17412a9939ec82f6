#include "cuda/library.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/stat.h>

#include <cstdlib>

namespace convoy::cuda {

Library::Library(const char* variable, std::initializer_list<const char*> names) {
  const auto open = [&](const char* name) {
    handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      name_ = name;
      missing_.clear();
      return true;
    }
    // The loader's words where it names the file, which it does not for every error.
    const char* error = dlerror();
    missing_ += (missing_.empty() ? "" : "; ") + std::string(error != nullptr ? error : name);
    return false;
  };
  if (const char* named = std::getenv(variable); named != nullptr && *named != '\0') {
    if (!open(named)) missing_ = std::string(variable) + ": " + missing_;
    return;
  }
  for (const char* name : names) {
    if (open(name)) return;
  }
}

std::string Library::file_identity() const {
  link_map* map = nullptr;
  struct stat file;
  if (handle_ == nullptr || dlinfo(handle_, RTLD_DI_LINKMAP, &map) != 0) return name_;
  if (stat(map->l_name, &file) != 0) return map->l_name;
  return std::string(map->l_name) + " " + std::to_string(file.st_size) + " " +
         std::to_string(file.st_mtime);
}

void* Library::look_up(const char* symbol) {
  if (handle_ == nullptr) return nullptr;
  void* found = dlsym(handle_, symbol);
  if (found == nullptr && missing_.empty()) missing_ = name_ + " lacks " + symbol;
  return found;
}

}  // namespace convoy::cuda
