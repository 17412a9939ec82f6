#include "cuda/stream.h"

#include "cuda/driver.h"

namespace convoy::cuda {

Stream::Stream(const Device& device) : device_(&device) {
  const ContextScope scope(device);
  CONVOY_CU(cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING));
}

Stream::~Stream() {
  if (stream_ != nullptr) driver().cuStreamDestroy(stream_);
}

void Stream::synchronize() const {
  const ContextScope scope(*device_);
  CONVOY_CU(cuStreamSynchronize(stream_));
}

Event::Event(const Device& device) : device_(&device) {
  const ContextScope scope(device);
  CONVOY_CU(cuEventCreate(&event_, CU_EVENT_DEFAULT));
}

Event::~Event() {
  if (event_ != nullptr) driver().cuEventDestroy(event_);
}

void Event::record(CUstream stream) const {
  const ContextScope scope(*device_);
  CONVOY_CU(cuEventRecord(event_, stream));
}

void Event::synchronize() const {
  const ContextScope scope(*device_);
  CONVOY_CU(cuEventSynchronize(event_));
}

float Event::milliseconds_since(const Event& start) const {
  const ContextScope scope(*device_);
  float milliseconds = 0;
  CONVOY_CU(cuEventElapsedTime(&milliseconds, start.event_, event_));
  return milliseconds;
}

}  // namespace convoy::cuda
