// One step with operands in the memory of a device, and the ways to compute it, to be timed.
#pragma once

#include <memory>

#include "device/name.h"
#include "plan/plan.h"

namespace convoy::cli {

// Maps are random numbers, constants what the step says. The step must live as long.
class TimedStep {
 public:
  virtual ~TimedStep() = default;
  // Makes one more way ready. Throws what the kernel throws where it cannot be.
  virtual void add(const Candidate& way) = 0;
  // Seconds of one run of the way that was added as number `index`.
  virtual double run(std::size_t index) = 0;
};

class StepTimer {
 public:
  virtual ~StepTimer() = default;
  virtual const DeviceDesc& device() const = 0;
  virtual std::unique_ptr<TimedStep> step(const OpDesc& desc) = 0;
};

// On this CPU, with device.threads threads, by the clock.
std::unique_ptr<StepTimer> cpu_step_timer(const DeviceDesc& device);

// On a GPU, by its events: the mean of several runs while the queue is full. Throws kDevice with
// the reason when there is no such GPU.
std::unique_ptr<StepTimer> cuda_step_timer(int ordinal);

}  // namespace convoy::cli
