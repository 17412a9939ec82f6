// Streams and events that end with their scope.
#pragma once

#include <utility>

#include "cuda/device.h"

namespace convoy::cuda {

class Stream {
 public:
  explicit Stream(const Device& device);  // does not wait for the default stream
  ~Stream();
  Stream(Stream&& other) noexcept
      : device_(other.device_), stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&&) = delete;
  CUstream get() const { return stream_; }
  void synchronize() const;

 private:
  const Device* device_;
  CUstream stream_ = nullptr;
};

class Event {
 public:
  explicit Event(const Device& device);
  ~Event();
  Event(Event&& other) noexcept
      : device_(other.device_), event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&&) = delete;
  CUevent get() const { return event_; }
  void record(CUstream stream) const;
  void synchronize() const;
  // Milliseconds from `start` to this one; both done.
  float milliseconds_since(const Event& start) const;

 private:
  const Device* device_;
  CUevent event_ = nullptr;
};

}  // namespace convoy::cuda
