#include "cuda/calibrate.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "cuda/driver.h"
#include "cuda/memory.h"
#include "cuda/module.h"
#include "cuda/stream.h"

namespace convoy::cuda {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kThreads = 256;  // of every block
constexpr int kCopies = 4;     // float4 a thread copies
constexpr std::size_t kBlockBytes = std::size_t{kThreads} * kCopies * 16;
constexpr int kChains = 8;                                // independent sums a thread has
constexpr int kSteps = 32 << 10;                          // multiply-adds of each
constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // of each of the two buffers

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Seconds of what `sample` measures: the median, once it has run for a while.
double settled(const std::function<double()>& sample) {
  constexpr double kWarmUp = 0.1;
  constexpr int kSamples = 15;
  for (const auto start = Clock::now(); seconds_since(start) < kWarmUp;) sample();
  std::vector<double> values;
  for (int i = 0; i < kSamples; ++i) values.push_back(sample());
  return median(values);
}

// Seconds of what `enqueue` enqueues, between two events.
class Stopwatch {
 public:
  explicit Stopwatch(const Device& device) : stream_(device), start_(device), end_(device) {}
  CUstream stream() const { return stream_.get(); }

  double operator()(const std::function<void()>& enqueue) const {
    start_.record(stream());
    enqueue();
    end_.record(stream());
    end_.synchronize();
    return 1e-3 * static_cast<double>(end_.milliseconds_since(start_));
  }

 private:
  Stream stream_;
  Event start_, end_;
};

std::size_t buffer_bytes(const Device& device) {
  const ContextScope scope(device);
  std::size_t free = 0, total = 0;
  CONVOY_CU(cuMemGetInfo(&free, &total));
  const std::size_t blocks = std::min(kMostBytes, free / 8) / kBlockBytes;
  return std::max(blocks, std::size_t{1}) * kBlockBytes;
}

double measure_copy(const Device& device, const Kernel& copy, const Stopwatch& seconds_of) {
  const std::size_t bytes = buffer_bytes(device);
  DeviceBuffer from(device, bytes), to(device, bytes);
  // Any bytes but zeros, which take less power and so could run at a higher clock.
  from.fill(0x3f);
  const LaunchShape shape{.grid = {static_cast<std::uint32_t>(bytes / kBlockBytes), 1, 1},
                          .block = {kThreads, 1, 1}};
  const double seconds = settled([&] {
    return seconds_of([&] { copy(shape, seconds_of.stream(), from.address(), to.address()); });
  });
  return 2.0 * static_cast<double>(bytes) / seconds;
}

double measure_multiply_add(const Device& device, const Kernel& multiply_add,
                            const Stopwatch& seconds_of) {
  const DeviceBuffer result(device, sizeof(float));
  // Every multiprocessor full, twice over.
  const DeviceDesc& gpu = device.desc();
  const auto threads = static_cast<std::uint32_t>(gpu.cores * gpu.cuda.threads_multiprocessor * 2);
  const LaunchShape shape{.grid = {threads / kThreads, 1, 1}, .block = {kThreads, 1, 1}};
  const double seconds = settled([&] {
    return seconds_of(
        [&] { multiply_add(shape, seconds_of.stream(), 0.999f, 0.001f, result.address()); });
  });
  return 2.0 * kChains * kSteps * kThreads * shape.grid[0] / seconds;
}

double measure_launch(const Kernel& nothing, const Stopwatch& seconds_of) {
  constexpr int kLaunches = 1000;
  const auto enqueue = [&] {
    for (int i = 0; i < kLaunches; ++i) nothing.launch({}, seconds_of.stream(), nullptr);
  };
  return settled([&] { return seconds_of(enqueue); }) / kLaunches;
}

double measure_round_trip(const Device& device, const Kernel& nothing) {
  const Stream stream(device);
  return settled([&] {
    const auto start = Clock::now();
    nothing.launch({}, stream.get(), nullptr);
    stream.synchronize();
    return seconds_since(start);
  });
}

}  // namespace

std::vector<Program> calibration_programs() {
  const auto program = [](const std::string& name, const std::string& parameters,
                          const std::string& call) {
    return Program{.kernel = name,
                   .source = "#include \"cuda/calibrate.cuh\"\nextern \"C\" __global__ void " +
                             name + "(" + parameters + ") {" + call + "}\n",
                   .options = {}};
  };
  const auto of = [](const char* name, int first, int second) {
    return "convoy::calibrate::" + std::string(name) + "<" + std::to_string(first) + ", " +
           std::to_string(second) + ">";
  };
  return {program("copy", "const float4* from, float4* to",
                  of("copy", kThreads, kCopies) + "(from, to);"),
          program("multiply_add", "float scale, float offset, float* result",
                  of("multiply_add", kChains, kSteps) + "(scale, offset, result);"),
          program("nothing", "", "")};
}

Calibration calibrate(const Device& device) {
  const std::vector<Binary> binaries = compile(calibration_programs(), device.desc().cuda.arch);
  const Kernel copy(device, binaries[0]), multiply_add(device, binaries[1]),
      nothing(device, binaries[2]);
  const Stopwatch seconds_of(device);
  Calibration measured;
  measured.bytes_per_second = measure_copy(device, copy, seconds_of);
  trim(device);
  measured.flops_per_second = measure_multiply_add(device, multiply_add, seconds_of);
  measured.launch_seconds = measure_launch(nothing, seconds_of);
  measured.round_trip_seconds = measure_round_trip(device, nothing);
  return measured;
}

}  // namespace convoy::cuda
