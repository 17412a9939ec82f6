// The border of the C ABI: exceptions become status codes, handles are known or refused.
#pragma once

#include <convoy/convoy.h>

#include <cstring>
#include <new>
#include <string>

#include "base/error.h"
#include "base/tensor.h"

namespace convoy::api {

// Of the calling thread.
std::string& last_error();

// Handles that were given out and not freed. A set, because reading a magic number out of freed
// memory would be the very fault it is meant to find.
void add_handle(const void* handle);
bool drop_handle(const void* handle);  // false: not a live handle
bool is_live(const void* handle);

template <class T>
T& checked(T* handle, const char* what) {
  if (handle == nullptr) fail(ErrorCode::kInvalidArgument, std::string(what) + " is null");
  if (!is_live(handle)) {
    fail(ErrorCode::kInvalidArgument, std::string(what) + " is not a live handle (freed already?)");
  }
  return *handle;
}

template <class T>
T& required(T* argument, const char* what) {
  if (argument == nullptr) fail(ErrorCode::kInvalidArgument, std::string(what) + " is null");
  return *argument;
}

// A caller's structure: at least `least` bytes of it, which is what its first version had.
template <class T>
T& sized(T* argument, const char* what, std::size_t least = sizeof(T)) {
  required(argument, what);
  if (argument->struct_size < least) {
    fail(ErrorCode::kInvalidArgument, std::string(what) + ": struct_size is " +
                                          std::to_string(argument->struct_size) + ", expected " +
                                          std::to_string(sizeof(T)) + "; call its _init function");
  }
  return *argument;
}

// The number that a caller put where an enumerator belongs; it may be none of them.
template <class E>
int number_of(const E& enumerator) {
  static_assert(sizeof(E) == sizeof(int));
  int number = 0;
  std::memcpy(&number, &enumerator, sizeof number);
  return number;
}

template <class F>
convoy_status guarded(F&& body) noexcept {
  try {
    last_error().clear();
    body();
    return CONVOY_OK;
  } catch (const Error& error) {
    last_error() = error.what();
    return static_cast<convoy_status>(error.code());
  } catch (const std::bad_alloc&) {
    last_error() = "out of memory";  // short enough to need none
    return CONVOY_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    last_error() = error.what();
    return CONVOY_INTERNAL;
  } catch (...) {
    last_error() = "unknown";
    return CONVOY_INTERNAL;
  }
}

}  // namespace convoy::api
