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

std::string Library::path() const {
  link_map* map = nullptr;
  if (handle_ == nullptr || dlinfo(handle_, RTLD_DI_LINKMAP, &map) != 0) return name_;
  return map->l_name;
}

void* Library::look_up(const char* symbol) {
  if (handle_ == nullptr) return nullptr;
  void* found = dlsym(handle_, symbol);
  if (found == nullptr && missing_.empty()) missing_ = name_ + " lacks " + symbol;
  return found;
}

std::string file_identity(const std::string& path) {
  struct stat file;
  if (stat(path.c_str(), &file) != 0) return "";
  return path + " " + std::to_string(file.st_size) + " " + std::to_string(file.st_mtim.tv_sec) +
         "." + std::to_string(file.st_mtim.tv_nsec);
}

}  // namespace convoy::cuda
